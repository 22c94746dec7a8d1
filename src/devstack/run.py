"""`make run`: the whole of Nightshift on one machine, for development, until it is told to stop."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from devstack.console import StopRequest, say
from devstack.errors import DevstackError
from devstack.kept import Kept
from devstack.postgres import Postgres
from devstack.process import Process, stop
from devstack.programs import app_processes, prepare_process
from devstack.redis import Redis
from devstack.server import Server

TICK_SECONDS = 0.1
SERVERS_START_SECONDS = 60.0
APPS_STOP_SECONDS = 20.0
SERVERS = "servers.json"  # read by nightshift.settings


class Run:
    """One `make run` over the checkout at `root`. Its caller holds the lock."""

    def __init__(self, root: Path, env: Mapping[str, str], port: int, still_ours: Callable[[], bool]) -> None:
        self._root, self._data, self._port = root, root / ".data", port
        self._env = dict(env)
        self._still_ours = still_ours
        self._stop = StopRequest()
        self._servers: dict[str, Server] = {}
        self._begun: list[Server] = []
        self._kept: list[Kept] = []
        if not env.get("REDIS_URL"):
            self._servers["REDIS_URL"] = Redis(self._data)
        if not env.get("DATABASE_URL"):
            self._servers["DATABASE_URL"] = Postgres(self._data)

    def run(self) -> None:
        """Returns when asked to stop, with everything stopped. Raises DevstackError, likewise."""
        apps: list[Process] = []
        try:
            if self._start_servers() and self._prepare():
                self._write_servers()
                apps = app_processes(self._root, self._env)
                for process in apps:
                    self._launch(process)
                self._watch()
        finally:
            self._stop_all(apps)

    def _start_servers(self) -> bool:
        for name, server in self._servers.items():
            server.begin()
            self._begun.append(server)
            self._kept.append(Kept(server.process, time.monotonic()))
            self._env[name] = server.url
        deadline = time.monotonic() + SERVERS_START_SECONDS
        while not self._stop and (waiting := [s for s in self._servers.values() if not s.ready()]):
            if time.monotonic() > deadline:
                raise DevstackError(waiting[0].why())
            self._tick(0.01)
        return not self._stop

    def _prepare(self) -> bool:
        process = prepare_process(self._root, self._env, f"http://127.0.0.1:{self._port}")
        process.launch()
        while process.running() and not self._stop:
            self._tick(0.01)
        stop(process)
        if process.exit_status and not self._stop:
            raise DevstackError("The database could not be prepared: see above.")
        return not self._stop

    def _launch(self, process: Process) -> None:
        process.launch()
        self._kept.append(Kept(process, time.monotonic()))

    def _watch(self) -> None:
        served = False
        while not self._stop and self._still_ours():
            self._tick(TICK_SECONDS)
            if not served and answers_ready(self._port):
                served = True
                self._welcome()
        say("Stopping ..." if self._still_ours() else ".data is gone: stopping.")

    def _tick(self, seconds: float) -> None:
        for kept in self._kept:
            kept.tick(time.monotonic())
        time.sleep(seconds)

    def _welcome(self) -> None:
        demo = json.loads((self._data / "demo.json").read_text())
        say(f"Nightshift runs at {demo['baseUrl']}. Ctrl-C stops it.")
        say(f"  for people   {demo['baseUrl']}/docs")
        say(f"  the queues   {demo['baseUrl']}/admin/queues")
        say(f"  a key        {demo['apiKey']}  (agent {demo['agentId']}; more in .data/demo.json)")

    def _write_servers(self) -> None:
        draft = self._data / f".{SERVERS}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({name: self._env[name] for name in ("DATABASE_URL", "REDIS_URL")}, file)
        draft.replace(self._data / SERVERS)

    def _stop_all(self, apps: list[Process]) -> None:
        """First those that still have something to say to the servers."""
        stop(*apps, patience_seconds=APPS_STOP_SECONDS)
        (self._data / SERVERS).unlink(missing_ok=True)
        stop(*(server.process for server in self._begun))
        for server in self._begun:
            server.stop()


def answers_ready(port: int) -> bool:
    """Whether the API says that it, the servers, the workers and the scheduler are there."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
