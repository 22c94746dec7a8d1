"""Postgres fails over: the primary is gone, and its standby takes over at another address of DATABASE_URL."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest
from messaging import put, say, settled
from recorder import Answer
from stack import wait_for
from town import Town

from devstack.postgres import Postgres

pytestmark = pytest.mark.slow


@pytest.fixture
def standby(town: Town) -> Iterator[Postgres]:
    town.postgres.start()
    home = Path(tempfile.mkdtemp(prefix="nightshift-test-"))
    server = Postgres(home, shared_buffers="32MB")
    copy = [
        server._programs / "pg_basebackup",
        "-h",
        town.postgres.socket.parent,
        "-U",
        "nightshift",
        "-R",
        "-c",
        "fast",
    ]
    subprocess.run([*copy, "-D", server.data], check=True, **server.account)
    server.start()
    yield server
    server.remove()
    shutil.rmtree(home, ignore_errors=True)


def test_work_goes_on_at_the_new_primary(town: Town, standby: Postgres) -> None:
    hosts = ",".join(quote(str(server.socket.parent), safe="") for server in (town.postgres, standby))
    query = f"host={hosts}&port=5432,5432&target_session_attrs=read-write"
    town.start(DATABASE_URL=f"postgresql://nightshift@/nightshift?{query}")
    put(town.api, "TELEGRAM", town.vendors)
    town.vendors.script("wordfailover", Answer(500), Answer(delay_seconds=3))
    kept = say(town.api, "wordfailover")
    town.stack.hurry(kept["id"])
    wait_for(lambda: len(town.vendors.asked("/telegram", "wordfailover")) == 2)
    wait_for(lambda: _caught_up(town.postgres, standby))
    town.postgres.process.kill()
    wait_for(lambda: town.api("GET", "/v1/credits").status_code == 503)
    _run(standby, "SELECT pg_promote()")
    town.stack.database_url = standby.url
    sent = settled(town.api, kept["id"])
    assert (sent["status"], [a["outcome"] for a in sent["attempts"]]) == ("SENT", ["failed", "sent"])
    assert len(town.vendors.asked("/telegram", "wordfailover")) == 2
    town.stack.wait_ready()
    assert settled(town.api, say(town.api, "And another one.")["id"])["status"] == "SENT"
    assert not town.stack.lines(outcome="died") and not town.stack.lines(event="process ended")


def _caught_up(primary: Postgres, standby: Postgres) -> bool:
    written = _run(primary, "SELECT pg_current_wal_lsn()")
    return bool(_run(standby, f"SELECT pg_last_wal_replay_lsn() >= '{written}'"))


def _run(server: Postgres, query: str) -> Any:
    with closing(psycopg2.connect(server.url)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        [[value]] = cursor.fetchall()
        return value
