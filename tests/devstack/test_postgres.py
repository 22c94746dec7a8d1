"""The embedded Postgres: fresh, again, after a kill, and with one owner."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import create_engine, text

from devstack import DevstackError, server
from devstack.postgres import Postgres


def ask(postgres: Postgres, statement: str) -> Any:
    connection = psycopg2.connect(postgres.url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone() if cursor.description else None
    finally:
        connection.close()


def test_a_fresh_home_gets_a_database_in_utf8_that_is_safe_on_disk_and_can_have_vectors(home: Path) -> None:
    postgres = Postgres(home, shared_buffers="16MB")
    postgres.start()
    ask(postgres, "CREATE EXTENSION vector")

    assert postgres.answers()
    assert ask(postgres, "SELECT current_database(), current_user") == ("nightshift", "nightshift")
    assert ask(postgres, "SELECT getdatabaseencoding(), lower('ÄÖ'), '[1,2]'::vector <=> '[1,2]'") == ("UTF8", "äö", 0)
    assert ask(postgres, "SELECT current_setting('fsync'), current_setting('listen_addresses')") == ("on", "")
    postgres.stop()


def test_its_url_is_one_for_sqlalchemy_and_a_pgport_in_the_environment_does_not_win(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "5999")
    postgres.start()

    engine = create_engine(postgres.url.replace("postgresql:", "postgresql+psycopg2:"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()


def test_what_was_written_outlives_a_stop_a_second_start_and_a_kill(
    postgres: Postgres, home: Path, kill: Callable[..., None]
) -> None:
    postgres.start()
    url = postgres.url
    ask(postgres, "CREATE TABLE kept AS SELECT 7 AS number")

    # Given a stop, when another owner starts it
    postgres.stop()
    assert not postgres.answers()
    again = Postgres(home, shared_buffers="16MB")
    again.start()
    assert ask(again, "SELECT number FROM kept") == (7,)

    # Given a kill of the postmaster and all its children, when it is started again
    kill(again, children=True)
    again.start()
    assert ask(again, "SELECT number FROM kept") == (7,)
    assert again.url == url

    # Given a kill of the postmaster alone, whose children need a moment to notice
    kill(again)
    again.start()
    assert ask(again, "SELECT number FROM kept") == (7,)
    again.stop()


def test_a_lock_file_that_names_a_living_stranger_is_cleared(postgres: Postgres, kill: Callable[..., None]) -> None:
    postgres.start()
    stranger = subprocess.Popen(["sleep", "60"], **postgres.account)
    try:
        kill(postgres, children=True)
        for lock in (postgres.data / "postmaster.pid", postgres.socket.with_name(".s.PGSQL.5432.lock")):
            lines = lock.read_text().splitlines()
            lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")

        postgres.start()

        assert ask(postgres, "SELECT 1") == (1,)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_one_that_outlived_its_owner_is_stopped_first(postgres: Postgres, home: Path) -> None:
    postgres.start()
    old = postgres.process.pid
    assert postgres._lock
    postgres._lock.close()  # as the kernel does when the owner dies

    successor = Postgres(home, shared_buffers="16MB")
    successor.start()

    assert ask(successor, "SELECT 1") == (1,)
    assert successor.process.pid != old
    assert not postgres.process.running()
    successor.stop()


def test_a_second_owner_is_refused_and_a_second_start_is_harmless(postgres: Postgres, home: Path) -> None:
    postgres.start()
    pid = postgres.process.pid

    with pytest.raises(DevstackError, match="Another process runs the postgres below"):
        Postgres(home).start()
    postgres.start()

    assert postgres.process.pid == pid


def test_a_first_start_that_was_killed_halfway_is_begun_anew(home: Path) -> None:
    postgres = Postgres(home, shared_buffers="16MB")
    draft = postgres.directory / "data.draft"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")

    postgres.start()

    assert ask(postgres, "SELECT 1") == (1,)
    assert not draft.exists()
    postgres.stop()


def test_why_it_does_not_start_is_said_in_one_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "START_SECONDS", 0.1)
    broken = Postgres(home, shared_buffers="much")

    with pytest.raises(DevstackError, match=r"postgres is not ready: .*shared_buffers.*postgres.log") as failure:
        broken.start()

    assert "\n" not in str(failure.value)
    assert not broken.process.running()


@pytest.mark.slow
def test_one_that_dies_at_every_start_is_given_up_after_seconds(home: Path) -> None:
    broken = Postgres(home, shared_buffers="much")
    started = time.monotonic()

    with pytest.raises(DevstackError, match="shared_buffers"):
        broken.start()

    assert time.monotonic() - started < 30


def test_it_dies_with_the_process_that_started_it(postgres: Postgres, home: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from devstack.postgres import Postgres;"
        "Postgres(Path(sys.argv[1]), '16MB').start(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(home)], check=False)

    postgres.start()

    assert ask(postgres, "SELECT 1") == (1,)


def test_remove_leaves_nothing_of_it(postgres: Postgres, home: Path, outside_of: Callable[[Path], list[Path]]) -> None:
    postgres.start()
    postgres.remove()

    assert not (home / "postgres").exists()
    assert not outside_of(home)
