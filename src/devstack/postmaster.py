"""A Postgres seen through the files it writes: `postmaster.pid` in its data, and the lock beside its socket."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from devstack.sockets import connects

PORT = "5432"  # only names the socket
SOCKET = f".s.PGSQL.{PORT}"
STATUS_LINE = 7  # of postmaster.pid, counted from 0, as the directory of the socket is line 4 (miscadmin.h)
SOCKET_DIRECTORY_LINE = 4


def is_ready(data: Path, pid: int | None) -> bool:
    """Whether the Postgres with this pid accepts connections to its databases, by its own word."""
    lines = _lines(data / "postmaster.pid")
    return len(lines) > STATUS_LINE and lines[0] == str(pid) and lines[STATUS_LINE].strip() == "ready"


def clear_stale_locks(data: Path, sockets: Path) -> None:
    """Removes the lock files whose pid is now somebody else's: Postgres would take that for a Postgres and refuse.

    Where the pid is nobody's Postgres itself clears up, the shared memory of the dead one too: left to it.
    """
    for lock in (data / "postmaster.pid", sockets / f"{SOCKET}.lock"):
        pid = _pid(lock)
        if pid and _exists(pid) and not _is_postgres_of(pid, data):
            lock.unlink(missing_ok=True)


def end(data: Path) -> None:
    """No Postgres runs on this data any more: one that outlived its owner is stopped, killed if need be."""
    pid = _pid(data / "postmaster.pid")
    for by, patience_seconds in ((signal.SIGINT, 20), (signal.SIGKILL, 5)):
        deadline = time.monotonic() + patience_seconds
        if pid and _is_postgres_of(pid, data):
            with suppress(ProcessLookupError):
                os.kill(pid, by)
        while pid and _is_postgres_of(pid, data) and time.monotonic() < deadline:
            time.sleep(0.01)


def _is_postgres_of(pid: int, data: Path) -> bool:
    """Postgres works in its data directory: /proc tells. Without /proc: whether its socket is answered."""
    if Path("/proc/self/cwd").exists():
        try:
            return Path(f"/proc/{pid}/cwd").readlink() == data
        except OSError:
            return False
    lines = _lines(data / "postmaster.pid")
    return len(lines) > SOCKET_DIRECTORY_LINE and connects(Path(lines[SOCKET_DIRECTORY_LINE]) / SOCKET)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _pid(lock: Path) -> int | None:
    first = (_lines(lock) or [""])[0]
    return int(first) if first.isdigit() and int(first) > 1 else None


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
