"""Redis is really gone for a while, and comes back: the scheduler goes on, the same process."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from stack import Stack, wait_for

from devstack.redis import Redis
from runner.heartbeat import ALIVE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def redis() -> Iterator[Redis]:
    home = Path(tempfile.mkdtemp(prefix="nightshift-test-"))
    server = Redis(home)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def alone(servers: dict[str, str], redis: Redis) -> Iterator[Stack]:
    """A scheduler and at first nothing else, on a Redis and a database of its own: it leads there, whoever leads elsewhere."""
    name = f"alone{uuid4().hex}"
    url = servers["DATABASE_URL"].replace("/nightshift?", f"/{name}?")
    _execute(servers["DATABASE_URL"], f"CREATE DATABASE {name}")
    env = {**servers, "DATABASE_URL": url, "REDIS_URL": redis.url, "LOG_FORMAT": "json"}
    subprocess.run([sys.executable, "-m", "nightshift.db.migrate"], check=True, cwd=ROOT, env={**os.environ, **env})
    stack = Stack(ROOT, env)
    stack.launch("scheduler")
    yield stack
    stack.stop()
    _execute(servers["DATABASE_URL"], f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.slow
def test_a_scheduler_whose_redis_was_stopped_ticks_reconciles_and_opens_slots_once_it_is_back(
    alone: Stack, redis: Redis
) -> None:
    wait_for(lambda: alone.redis.exists(ALIVE), explain=alone.log_path.read_text)
    redis.stop()
    wait_for(lambda: alone.lines(event="tick failed"), explain=alone.log_path.read_text)
    alone.sql("DELETE FROM slots WHERE entry = 'daily-rollup'")
    alone.sql("INSERT INTO slots VALUES ('daily-rollup', %s)", datetime.now(UTC) - timedelta(days=3))
    alone.sql(
        "INSERT INTO outbox (job, row_id, workspace_id, state, generation, dispatched_at) VALUES"
        " ('email.send', 'mail_1', 'ws_1', 'dispatched', 1, now() - interval '1 minute')"
    )
    redis.start()
    alone.redis.delete(ALIVE, "rq:scheduler:scheduled_jobs")
    wait_for(lambda: alone.redis.exists(ALIVE), explain=alone.log_path.read_text)
    wait_for(lambda: alone.sql("SELECT state FROM outbox WHERE row_id = 'mail_1'") == [("pending",)])
    rollups = "SELECT count(*), bool_and(state = 'done') FROM outbox WHERE job = 'analytics_rollup.daily_rollup'"
    wait_for(lambda: alone.sql(rollups)[0][0] == 3)
    alone.launch("worker", "analytics-rollup")
    wait_for(lambda: alone.sql(rollups) == [(3, True)], explain=alone.log_path.read_text)
    assert alone.processes["scheduler"].poll() is None, "the same process"


def _execute(url: str, statement: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        connection.cursor().execute(statement)
