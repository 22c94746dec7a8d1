"""Postgres 18 with pgvector out of a wheel, on a Unix socket: for development and tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from devstack import postmaster
from devstack.account import give_to
from devstack.errors import DevstackError
from devstack.place import Place, find_place
from devstack.process import Process
from devstack.server import Server

DATABASE = USER = "nightshift"
MAX_CONNECTIONS = 200


class Postgres(Server):
    """One database, `nightshift`. Its superuser of the same name needs no password: the socket's directory is 0700."""

    name = "postgres"

    def __init__(self, home: Path, shared_buffers: str = "512MB") -> None:
        super().__init__(home)
        self._shared_buffers = shared_buffers

    @property
    def url(self) -> str:
        directory = quote(str(self.place.sockets), safe="")
        return f"postgresql://{USER}@/{DATABASE}?host={directory}&port={postmaster.PORT}"  # a PGPORT must not win

    @property
    def socket(self) -> Path:
        return self.place.sockets / postmaster.SOCKET

    @cached_property
    def place(self) -> Place:
        return find_place(self.home)

    @cached_property
    def process(self) -> Process:
        """SIGINT is Postgres' fast shutdown: sessions end, nothing is lost."""
        place = self.place
        settings = {"shared_buffers": self._shared_buffers, "max_connections": str(MAX_CONNECTIONS)}
        return Process(
            self.name,
            [
                place.programs / "postgres",
                *("-D", place.data, "-k", place.sockets, "-h", "", "-p", postmaster.PORT),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            stop_signal=signal.SIGINT,
            account=place.account,
            log=self.log,
            env=_environment(),
            before_launch=lambda: postmaster.clear_stale_locks(place.data, place.sockets),
        )

    def ready(self) -> bool:
        return self.process.running() and postmaster.is_ready(self.place.data, self.process.pid)

    def end_orphan(self) -> None:
        postmaster.end(self.place.data)

    def prepare(self) -> None:
        """The data, complete or not at all: what a kill left half made is made anew."""
        place = self.place
        if place.data.exists():
            return
        draft = place.parent / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        give_to(place.account, draft)
        self._run("initdb", "-D", draft, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        self._run("postgres", "--single", "-D", draft, "postgres", say=f"CREATE DATABASE {DATABASE}\n")
        draft.rename(place.data)

    def _run(self, program: str, *arguments: str | Path, say: str = "") -> None:
        account = self.place.account
        options: dict[str, Any] = account.popen_arguments() if account else {}
        with self.log.open("ab") as log:
            command = [self.place.programs / program, *arguments]
            done = subprocess.run(
                command, input=say.encode(), stdout=log, stderr=subprocess.STDOUT, env=_environment(), **options
            )
        if done.returncode:
            raise DevstackError(self.why())


def _environment() -> dict[str, str]:
    """Ours without what would redirect Postgres; a locale that is there, as macOS needs for its one thread."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C.UTF-8"}
