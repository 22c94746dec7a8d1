"""`make run` as a whole, with stand-ins for what it prepares and starts besides the servers."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psutil
import psycopg2
import pytest
from programs import free_port, kill, runs

from devstack import DevstackError
from devstack.__main__ import check_port_is_free, start
from devstack.home import remove
from devstack.postgres import Postgres
from nightshift.settings import SettingsError

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Checkout:
    """A copy of this one with a port of its own."""

    root: Path
    port: int

    @property
    def env(self) -> dict[str, str]:
        ours = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DATABASE_URL", "REDIS_URL", "APP_ENV", "ADMIN_API_KEY", "CREDENTIAL_KEYS")
        }
        return ours | {"PYTHONPATH": str(self.root / "src"), "PORT": str(self.port)}

    def devstack(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "devstack", *arguments],
            cwd=self.root,
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def wait_until_served(self, run: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + 120
        while not self.served():
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)

    def served(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


@pytest.fixture
def checkout(parent: Path) -> Iterator[Checkout]:
    root = parent / "Nächte = 3 Schichten"
    shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for program in ("worker.py", "scheduler.py"):
        shutil.copy(ROOT / program, root)
    yield Checkout(root, free_port())
    remove(root / ".data")


def children(run: subprocess.Popen[str]) -> set[int]:
    return {child.pid for child in psutil.Process(run.pid).children()}


@pytest.mark.slow
def test_it_starts_keeps_and_stops_everything(checkout: Checkout) -> None:
    run = checkout.devstack()
    try:
        # Given one that runs: demo.json and servers.json are there, for us alone
        checkout.wait_until_served(run)
        data = checkout.root / ".data"
        assert json.loads((data / "servers.json").read_text()).keys() == {"DATABASE_URL", "REDIS_URL"}
        demo = json.loads((data / "demo.json").read_text())
        assert demo.keys() == {"baseUrl", "apiKey", "adminApiKey", "workspaceId", "agentId"}
        for secret in ("servers.json", "demo.json", "admin_api_key", "credential_keys"):
            assert (data / secret).stat().st_mode & 0o777 == 0o600

        # When another is started, or everything is to be deleted, then they refuse in one line
        for arguments, line in (((), "already running"), (("clean",), "is running in this checkout")):
            second = checkout.devstack(*arguments)
            said, _ = second.communicate(timeout=120)
            assert second.returncode == 1 and line in said and str(checkout.port) in said and said.count("\n") == 1

        # When each of its five processes is killed, then each comes back
        before = children(run)
        assert len(before) == 5
        kill(psutil.Process(run.pid).children(recursive=True))
        deadline = time.monotonic() + 120
        while len(children(run) - before) < 5 or not checkout.served():
            assert time.monotonic() < deadline
            time.sleep(0.05)

        # When it is told to stop, twice, then nothing of it is left
        everyone = psutil.Process(run.pid).children(recursive=True)
        run.send_signal(signal.SIGINT)
        run.send_signal(signal.SIGINT)
        said, _ = run.communicate(timeout=120)
        assert run.returncode == 0
        assert demo["apiKey"] in said and f"http://127.0.0.1:{checkout.port}/docs" in said
        assert not [process for process in everyone if runs(process)]
        assert not (data / "servers.json").exists()
    finally:
        run.kill()
        run.wait()


@pytest.mark.slow
def test_a_killed_one_leaves_nothing_in_the_way_of_the_next(
    checkout: Checkout, outside_of: Callable[[Path], list[Path]]
) -> None:
    first = checkout.devstack()
    checkout.wait_until_served(first)
    first.kill()
    first.communicate()

    second = checkout.devstack()
    try:
        checkout.wait_until_served(second)
        second.terminate()
        assert "Stopping" in second.communicate(timeout=120)[0]
        assert second.returncode == 0
    finally:
        second.kill()
        second.wait()

    assert checkout.devstack("clean").wait(90) == 0
    assert not outside_of(checkout.root / ".data")


@pytest.mark.slow
def test_it_stops_when_its_data_are_deleted(checkout: Checkout) -> None:
    run, data = checkout.devstack(), checkout.root / ".data"
    try:
        deadline = time.monotonic() + 120
        while not (data / "servers.json").exists():
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        shutil.rmtree(data, ignore_errors=True)
        said, _ = run.communicate(timeout=120)
        assert run.returncode == 0 and ".data is gone: stopping." in said
    finally:
        run.kill()
        run.wait()


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for this signal now (proc(5): SigCgt)."""
    caught = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(caught and int(caught[1], 16) >> (number - 1) & 1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("seconds", "stop"), [(0, "INT"), (0.5, "TERM"), (1, "INT"), (1.5, "INT"), (2.5, "TERM")])
def test_a_stop_at_any_moment_of_the_start_ends_it_without_a_traceback(
    checkout: Checkout, seconds: float, stop: str
) -> None:
    run = checkout.devstack()
    for python_has_it in (True, False):  # Python catches SIGINT while it starts; the first line of devstack ends that
        while catches(run.pid, signal.SIGINT) is not python_has_it:
            time.sleep(0.001)
    time.sleep(seconds)
    run.send_signal(signal.Signals[f"SIG{stop}"])
    said, _ = run.communicate(timeout=120)

    assert said in ("", "Stopping ...\n")
    assert run.returncode in (0, -signal.Signals[f"SIG{stop}"])


@pytest.mark.slow
def test_data_of_another_version_are_one_line(checkout: Checkout) -> None:
    # Given a database whose migrations are not ours
    data = checkout.root / ".data"
    postgres = Postgres(data, shared_buffers="16MB")
    postgres.start()
    with psycopg2.connect(postgres.url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('later')")
    connection.close()
    postgres.stop()
    assert refused(checkout.devstack()).startswith("The database is not ready: error: .data is of another version")

    # Given the files of another Postgres
    postgres.data.joinpath("PG_VERSION").write_text("17\n")
    assert "is of Postgres 17, and this is Postgres 18" in refused(checkout.devstack())


def test_a_disk_that_is_full_is_one_line(checkout: Checkout) -> None:
    # A limit on the size of a file stands for it
    limited = ["sh", "-c", 'ulimit -f 2048; exec "$0" -m devstack', sys.executable]
    run = subprocess.Popen(
        limited, cwd=checkout.root, env=checkout.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert "File too large" in refused(run)


def refused(run: subprocess.Popen[str]) -> str:
    """Its one line."""
    said, _ = run.communicate(timeout=300)
    assert run.returncode == 1
    assert said.count("\n") == 1, said
    return said


def test_it_is_for_development(tmp_path: Path) -> None:
    with pytest.raises(DevstackError, match="APP_ENV"):
        start(tmp_path, {"APP_ENV": "production"})
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken_or_none_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DevstackError, match=f"PORT {port} cannot be used"):
            start(tmp_path, {"PORT": str(port)})
    check_port_is_free(port, wait_seconds=0)
    with pytest.raises(SettingsError, match="PORT"):
        start(tmp_path, {"PORT": "many"})
    assert not (tmp_path / ".data" / "postgres").exists()
