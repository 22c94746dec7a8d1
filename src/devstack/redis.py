"""Redis (its successor Valkey) out of a wheel, on a Unix socket: for development and tests."""

from __future__ import annotations

import time
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from devstack.errors import DevstackError
from devstack.home import make_private
from devstack.process import Process
from devstack.server import Server
from devstack.sockets import ask
from devstack.software import redis_server

ORPHAN_SECONDS = 20.0


class Redis(Server):
    """Every write is on disk within a second; memory is never freed by dropping keys, which would be jobs."""

    name = "redis"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}?db=0"

    @cached_property
    def socket(self) -> Path:
        return self.home.socket_directory(self.home.path / self.name, "redis.sock") / "redis.sock"

    @cached_property
    def process(self) -> Process:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            "dir": str(self.home.path / self.name),
        }
        command = [str(redis_server()), *(part for name, value in options.items() for part in (f"--{name}", value))]
        return Process(self.name, command, log=self.log)

    def ready(self) -> bool:
        return self.process.running() and (ask(self.socket, b"PING\r\n") or b"").startswith(b"+PONG")

    def end_orphan(self) -> None:
        deadline = time.monotonic() + ORPHAN_SECONDS
        while ask(self.socket, b"SHUTDOWN\r\n") is not None:
            if time.monotonic() > deadline:
                raise DevstackError(f"A Redis that nobody owns holds {self.socket} and does not stop.")
            time.sleep(0.01)

    def prepare(self) -> None:
        make_private(self.home.path / self.name)
        make_private(self.socket.parent)
