"""Why Postgres or Redis refuses us stands in the log once, without a password, a row or a traceback."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import requests
from client import OPERATOR_KEY
from psycopg2 import errors
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from sqlalchemy.exc import DBAPIError
from stack import Stack, wait_for

from nightshift.server_errors import reason

ROOT = Path(__file__).resolve().parents[2]
POSTGRES, REDIS = 'role "stranger" does not exist', "invalid username-password pair"
COMMANDS = ["nightshift.db.migrate"], ["runner.cli", "failed"]


@pytest.fixture
def stacks(servers: dict[str, str]) -> Iterator[dict[str, Stack]]:
    """Each program by itself, with accounts that neither server knows."""
    refused = {
        **servers,
        "DATABASE_URL": servers["DATABASE_URL"].replace("nightshift@", "stranger:hunter2@", 1),
        "REDIS_URL": servers["REDIS_URL"].replace("unix://", "unix://stranger:hunter2@", 1),
        "LOG_FORMAT": "json",
    }
    alone = {name: Stack(ROOT, refused) for name in ("web", "worker", "scheduler")}
    for name, stack in alone.items():
        stack.launch(name)
    yield alone
    for stack in alone.values():
        stack.stop()


@pytest.mark.slow
def test_each_program_logs_the_reason_once_and_each_command_prints_it_in_one_line(stacks: dict[str, Stack]) -> None:
    def told(name: str) -> str:
        return stacks[name].log_path.read_text()

    def ask() -> int:
        for _ in range(5):
            requests.get(f"{stacks['web'].base_url}/v1/agents", headers={"Authorization": f"Bearer {OPERATOR_KEY}"})
        return requests.get(f"{stacks['web'].base_url}/readyz").status_code

    for command in COMMANDS:
        done = subprocess.run([sys.executable, "-m", *command], env=stacks["web"].env, cwd=ROOT, capture_output=True)
        assert (done.returncode, done.stdout) == (1, b"")
        [line] = done.stderr.decode().splitlines()
        assert line.startswith("Postgres: connection to server") and POSTGRES in line and "hunter2" not in line
    stacks["web"].wait_answering()
    assert ask() == 503
    for name, texts in {"web": (POSTGRES, REDIS), "worker": (POSTGRES, REDIS), "scheduler": (POSTGRES,)}.items():
        for text in texts:
            wait_for(lambda n=name, t=text: t.replace('"', '\\"') in told(n), explain=lambda n=name: told(n))
    time.sleep(5)  # in which each of them tries again
    assert ask() == 503
    for name, lines in {"web": 2, "worker": 2, "scheduler": 1}.items():
        assert len(told(name).splitlines()) == lines, told(name)
        assert "hunter2" not in told(name)


def test_the_reason_is_one_line_of_the_server_s_words_and_holds_no_row_and_no_password() -> None:
    row = psycopg2.errors.UniqueViolation("Key (customer)=(Ada Lovelace) already exists.")
    unknown = ResponseError("unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' 'hunter2'")
    read_only = errors.ReadOnlySqlTransaction("cannot execute UPDATE in a read-only transaction\n")
    two_hosts = psycopg2.OperationalError("one: refused\n\tIs it there?\ntwo: refused\n")
    for error, said in {
        DBAPIError.instance(None, None, row, psycopg2.Error): "IntegrityError",
        DBAPIError.instance(None, None, read_only, psycopg2.Error): f"Postgres: {str(read_only).strip()}",
        unknown: "Redis: unknown command 'HELLO'",
        AuthenticationError("no\x1b[2J\nentry"): "Redis: no [2J entry",
        RedisError(): "Redis: RedisError",
        two_hosts: "Postgres: one: refused Is it there? two: refused",
    }.items():
        assert reason(error) == said
