"""The server that listens on a socket, no matter who started it. Its pid is in `<socket>.lock`, as Postgres does it."""

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

STOP_SECONDS = 20.0


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(path)) == 0


def pid_in(lock: Path) -> int:
    """Raises OSError or ValueError where the file holds none."""
    return int(lock.read_text().partition("\n")[0])


def end(path: Path, by: signal.Signals) -> None:
    """Stop the server by the signal; if that takes too long, kill it."""
    for number in (by, signal.SIGKILL):
        deadline = time.monotonic() + STOP_SECONDS
        while listens(path) and time.monotonic() < deadline:
            with suppress(OSError, ValueError):  # it is just ending
                os.kill(pid_in(Path(f"{path}.lock")), number)
            time.sleep(0.05)


def end_all_below(directory: Path) -> None:
    """Stop every server that has its socket in a directory below this one."""
    for lock in directory.glob("*/*.lock"):
        end(lock.with_suffix(""), signal.SIGINT)  # Redis: as SIGTERM; Postgres: do not wait for clients
