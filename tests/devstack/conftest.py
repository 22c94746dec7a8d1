"""Homes that are gone, with everything in them, when a test ends."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import programs
import psutil
import pytest

from devstack.home import outsides, remove
from devstack.postgres import Postgres
from devstack.redis import Redis
from devstack.server import Server


@pytest.fixture
def parent() -> Iterator[Path]:
    """A directory with a short path that every account can enter."""
    path = Path(tempfile.mkdtemp(prefix="ns-")).resolve()
    path.chmod(0o755)
    yield path
    remove(path / "home")
    shutil.rmtree(path)
    assert not processes_that_name(path)


@pytest.fixture
def home(parent: Path) -> Path:
    return parent / "home"


@pytest.fixture(scope="session")
def seed() -> Iterator[Postgres]:
    """One that was started once and stopped: its data is copied, which is faster than making it."""
    path = Path(tempfile.mkdtemp(prefix="ns-")).resolve()
    path.chmod(0o755)
    server = Postgres(path / "home", shared_buffers="16MB")
    server.start()
    server.stop()
    yield server
    server.remove()
    shutil.rmtree(path)


@pytest.fixture
def postgres(home: Path, seed: Postgres) -> Iterator[Postgres]:
    """With data of an earlier start, not running."""
    server = Postgres(home, shared_buffers="16MB")
    subprocess.run(["cp", "-a", seed.data, server.data], check=True)
    yield server
    server.stop()


@pytest.fixture
def redis(home: Path) -> Iterator[Redis]:
    server = Redis(home)
    yield server
    server.stop()


@pytest.fixture
def kill() -> Callable[..., None]:
    """kill -9 for a server's process, with `children` for all below it too; it is gone when this returns."""

    def kill(server: Server, children: bool = False) -> None:
        process = psutil.Process(server.process.pid)
        programs.kill([process, *(process.children(recursive=True) if children else ())])
        while server.process.running():
            time.sleep(0.01)

    return kill


@pytest.fixture
def outside_of() -> Callable[[Path], list[Path]]:
    """The directories that a home and earlier ones at its path have outside."""
    return outsides


def processes_that_name(path: Path) -> list[str]:
    """Command lines of living processes that were started with this path, or work below it."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
            if process.pid != os.getpid() and (f"{path}/" in line or f"{path}/" in f"{process.cwd()}/"):
                found.append(line)
        except psutil.Error:
            continue
    return found
