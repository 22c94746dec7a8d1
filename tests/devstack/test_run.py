"""`make run` as a whole, with stand-ins for the schema, the API, the workers and the scheduler."""

from __future__ import annotations

import json
import os
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
import pytest

from devstack.errors import DevstackError
from devstack.outside import remove_outside
from devstack.start import check_port_is_free, start
from nightshift.settings import SettingsError

SOURCES = Path(__file__).resolve().parents[2] / "src"
STAND_INS = {
    "src/nightshift/db/migrate.py": "def main(): import os, psycopg2; psycopg2.connect(os.environ['DATABASE_URL'])",
    "src/nightshift/db/demo.py": (
        "def ensure_demo(path, base_url):\n"
        "    import json\n"
        "    path.write_text(json.dumps({'baseUrl': base_url, 'apiKey': 'demo-key', 'agentId': 'a'}))"
    ),
    "src/web/gunicorn_conf.py": (
        "import os\nbind = '127.0.0.1:' + os.environ['PORT']\nworkers = 2\ncontrol_socket_disable = True"
    ),
    "src/web/__init__.py": (
        "def create_app():\n"
        "    import os, psycopg2, redis\n"
        "    def app(environ, answer):\n"
        "        psycopg2.connect(os.environ['DATABASE_URL']).close()\n"
        "        redis.Redis.from_url(os.environ['REDIS_URL']).ping()\n"
        "        answer('200 OK', [])\n"
        "        return [b'ready']\n"
        "    return app"
    ),
    "worker.py": (
        "import os, time\n"
        "parent = os.getpid()\n"
        "os.fork() and time.sleep(600)\n"  # the child sleeps while its parent lives
        "while os.getppid() == parent:\n"
        "    time.sleep(0.05)"
    ),
    "scheduler.py": "import time; time.sleep(600)",
}


@dataclass
class Checkout:
    """A copy of this one with stand-ins, and a port of its own."""

    root: Path
    port: int

    @property
    def env(self) -> dict[str, str]:
        ours = {
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "APP_ENV")
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

    def wait_until_served(self) -> None:
        deadline = time.monotonic() + 30
        while not self.served():
            assert time.monotonic() < deadline
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
    root = parent / "checkout"
    for package in ("devstack", "nightshift"):
        shutil.copytree(SOURCES / package, root / "src" / package)
    for path, content in STAND_INS.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(content)
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    yield Checkout(root, port)
    remove_outside(root / ".data")


def children(run: subprocess.Popen[str]) -> set[int]:
    return {child.pid for child in psutil.Process(run.pid).children()}


def test_it_starts_keeps_and_stops_everything(checkout: Checkout) -> None:
    run = checkout.devstack()
    try:
        # Given one that runs: demo.json and servers.json are there, for us alone
        checkout.wait_until_served()
        data = checkout.root / ".data"
        assert json.loads((data / "servers.json").read_text()).keys() == {"DATABASE_URL", "REDIS_URL"}
        assert (data / "servers.json").stat().st_mode & 0o777 == 0o600

        # When another is started, or everything is to be deleted, then they refuse in one line
        for arguments, line in (((), "already running"), (("clean",), "is running in this checkout")):
            second = checkout.devstack(*arguments)
            said, _ = second.communicate(timeout=20)
            assert second.returncode == 1 and line in said and str(checkout.port) in said and said.count("\n") == 1

        # When each of its five processes is killed, then each comes back
        before = children(run)
        assert len(before) == 5
        everyone = psutil.Process(run.pid).children(recursive=True)
        for process in everyone:
            process.kill()
        deadline = time.monotonic() + 20
        while len(children(run) - before) < 5 or not checkout.served():
            assert time.monotonic() < deadline
            time.sleep(0.05)

        # When it is told to stop, twice, then nothing of it is left
        everyone = psutil.Process(run.pid).children(recursive=True)
        run.send_signal(signal.SIGINT)
        run.send_signal(signal.SIGINT)
        said, _ = run.communicate(timeout=30)
        assert run.returncode == 0
        assert "demo-key" in said and f"http://127.0.0.1:{checkout.port}/docs" in said
        assert not [process for process in everyone if process.is_running() and process.status() != "zombie"]
        assert not (data / "servers.json").exists()
    finally:
        run.kill()
        run.wait()


def test_a_killed_one_leaves_nothing_in_the_way_of_the_next(
    checkout: Checkout, outside_of: Callable[[Path], list[Path]]
) -> None:
    first = checkout.devstack()
    checkout.wait_until_served()
    first.kill()
    first.communicate()

    second = checkout.devstack()
    try:
        checkout.wait_until_served()
        second.terminate()
        assert "Stopping" in second.communicate(timeout=30)[0]
        assert second.returncode == 0
    finally:
        second.kill()
        second.wait()

    assert checkout.devstack("clean").wait(20) == 0
    assert not outside_of(checkout.root / ".data")


def test_it_is_for_development(tmp_path: Path) -> None:
    with pytest.raises(DevstackError, match="APP_ENV"):
        start(tmp_path, {"APP_ENV": "production"})
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken_or_none_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DevstackError, match=f"PORT {port} cannot be used"):
            start(tmp_path, {"PORT": str(port)})
    check_port_is_free(port, patience_seconds=0)
    with pytest.raises(SettingsError, match="PORT"):
        start(tmp_path, {"PORT": "many"})
    assert not (tmp_path / ".data" / "postgres").exists()
