"""A database and a Redis of the crash points' own, on the servers of the run, and the process that forks."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from vendors import Vendors

from nightshift.settings import VENDOR_BASE_URLS

ROOT = Path(__file__).resolve().parents[2]
DATABASE, REDIS_DB = "crashpoints", 5
POINTS = "points"
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    playing = Vendors()
    playing.start()
    yield playing
    playing.stop()


@pytest.fixture(scope="module")
def run(servers: dict[str, str], vendors: Vendors) -> Iterator[Run]:
    """`run(command, **arguments)` in a child of the zygote: {"status", "result"}."""
    _create(servers["DATABASE_URL"])
    env = {**os.environ, **_settings(servers, vendors)}
    zygote = subprocess.Popen(
        [sys.executable, Path(__file__).parent / "zygote.py"], cwd=ROOT, env=env, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None,
    )  # fmt: skip

    def ask(command: str, **arguments: Any) -> dict[str, Any]:
        assert zygote.stdin and zygote.stdout
        zygote.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        zygote.stdin.flush()
        return dict(json.loads(zygote.stdout.readline()))

    try:
        assert ask("migrate")["status"] == 0
        yield ask
    finally:
        zygote.kill()
        zygote.wait()


def _create(url: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    connection.cursor().execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")  # of this module's earlier turn
    connection.cursor().execute(f"CREATE DATABASE {DATABASE}")
    connection.close()


def _settings(servers: dict[str, str], vendors: Vendors) -> dict[str, str]:
    return {
        "DATABASE_URL": servers["DATABASE_URL"].replace("/nightshift?", f"/{DATABASE}?"),
        "REDIS_URL": servers["REDIS_URL"].replace("db=0", f"db={REDIS_DB}"),
        "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": f"{vendors.url}/openai/v1",
        "RESEND_API_KEY": "re_test", "RESEND_FROM": "Nightshift <nightshift@example.com>",
        "RESEND_BASE_URL": f"{vendors.url}/resend",
        **{f"{vendor}_BASE_URL": f"{vendors.url}/{vendor.lower()}" for vendor in VENDOR_BASE_URLS},
    }  # fmt: skip


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many points each job has."""
    for report in terminalreporter.stats.get("passed", []):
        for name, count in report.user_properties:
            if name == POINTS:
                terminalreporter.write_line(f"{count} points: {report.nodeid.partition('::')[2]}")
