"""Programs that a test needs and no wheel has: Debian's packages, which `.ci/run` installs. And processes that may end by
themselves."""

import os
import random
import shutil
import socket
from collections.abc import Iterable
from contextlib import suppress

import psutil
import pytest

ALL = "NIGHTSHIFT_TEST_ALL_SERVERS"  # set: a test that cannot run has failed


def needs(*programs: str, root: bool = False) -> None:
    """Skip the test, in one line, where one of these is not there; with ALL set, fail it."""
    missing = [name for name in programs if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")]
    missing += ["root"] if root and os.geteuid() != 0 else []
    if missing:
        cannot_run(f"needs {', '.join(missing)}")


def cannot_run(reason: str) -> None:
    """Skip the test; with ALL set, fail it."""
    (pytest.fail if os.environ.get(ALL) else pytest.skip)(reason)


def free_port() -> int:
    """A port that nobody listens on, for a server that binds it later: below those the kernel hands out meanwhile."""
    while True:
        with socket.socket() as free, suppress(OSError):
            port = random.randrange(10_000, 32_768)
            free.bind(("127.0.0.1", port))
            return port


def kill(processes: Iterable[psutil.Process]) -> None:
    """kill -9 for those that have not ended meanwhile."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def runs(process: psutil.Process) -> bool:
    """Whether it has not ended."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False
