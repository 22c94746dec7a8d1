"""Who listens on a server's socket, whoever started it. Its pid is in `<socket>.lock`, where Postgres has it."""

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

PATIENCE_SECONDS = 20.0


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(path)) == 0


def pid_in(lock: Path) -> int:
    """Raises OSError or ValueError where there is none."""
    return int(lock.read_text().partition("\n")[0])


def end(path: Path, by: signal.Signals) -> None:
    """Nobody listens there any more. Who does not end by the signal is killed."""
    for number in (by, signal.SIGKILL):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while listens(path) and time.monotonic() < deadline:
            with suppress(OSError, ValueError):  # it is just going
                os.kill(pid_in(Path(f"{path}.lock")), number)
            time.sleep(0.05)


def end_all_below(directory: Path) -> None:
    """No server listens on a socket in a directory below this one."""
    for lock in directory.glob("*/*.lock"):
        end(lock.with_suffix(""), signal.SIGINT)  # to Redis the same as SIGTERM, to Postgres: do not wait for clients
