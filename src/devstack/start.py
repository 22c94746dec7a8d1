"""What must hold before `make run` or `make clean` may begin, and the beginning."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from pathlib import Path

from devstack.errors import AlreadyRunning, DevstackError
from devstack.home import make_private
from devstack.lock import Lock
from devstack.outside import remove_outside
from devstack.postgres import Postgres
from devstack.redis import Redis
from devstack.run import SERVERS, Run
from nightshift.settings import load

LEFT_BEHIND_SECONDS = 20.0  # until the API of a killed `make run` is gone
SERVERS_TO_COME = {"DATABASE_URL": "postgresql://to/come", "REDIS_URL": "redis://to.come"}


def start(root: Path, env: Mapping[str, str]) -> None:
    """`make run`. Raises DevstackError or SettingsError in one line, before anything is started where possible."""
    if env.get("APP_ENV") == "production":
        raise DevstackError("APP_ENV is production: `make run` is for development. Use make web, worker, scheduler.")
    data = root / ".data"
    make_private(data)
    port = load({**SERVERS_TO_COME, **{name: value for name, value in env.items() if value}}, data).port
    try:
        lock = Lock(data / "run.lock", f"http://127.0.0.1:{port}")
    except AlreadyRunning as other:
        raise DevstackError(f"Nightshift is already running in this checkout, at {other.note}.") from None
    check_port_is_free(port, LEFT_BEHIND_SECONDS if (data / SERVERS).exists() else 0)
    Run(root, env, port, lock.still_there).run()


def clean(root: Path, env: Mapping[str, str]) -> None:
    """`make clean`: no server of this checkout is left, nor what they kept outside of .data."""
    data = root / ".data"
    make_private(data)
    try:
        lock = Lock(data / "run.lock")
    except AlreadyRunning as other:
        raise DevstackError(f"`make run` is running in this checkout, at {other.note}: stop it first.") from None
    for server in (Postgres(data), Redis(data)):
        server.remove()
    remove_outside(data.resolve())
    lock.release()


def check_port_is_free(port: int, patience_seconds: float) -> None:
    """Raises DevstackError, naming PORT, when it stays taken."""
    deadline = time.monotonic() + patience_seconds
    while reason := why_not_free(port):
        if time.monotonic() >= deadline:
            raise DevstackError(f"PORT {port} cannot be used ({reason}). Choose another: make run PORT=3002")
        time.sleep(0.1)


def why_not_free(port: int) -> str:
    """Empty when it is free: on every address, since the API may be set to listen on any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            return (error.strerror or "taken").lower()
    return ""
