"""`make run`: all of Nightshift on one machine, for development, until it is told to stop."""

import json
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from devstack import DevstackError
from devstack.postgres import Postgres
from devstack.process import Process, reason_in, say, stop
from devstack.redis import Redis
from devstack.server import Server
from nightshift.settings import RUN_LOCK, SERVERS

APPS = {  # as `make web`, `make worker` and `make scheduler` start them
    "web": ["-m", "gunicorn", "--config", "python:web.gunicorn_conf", "web:create_app()"],
    "worker": ["worker.py"],
    "scheduler": ["scheduler.py"],
}


class Stopping(Exception):
    """`make run` is to stop, for the reason in the line."""


class Run:
    """One `make run` of the checkout at `root`, with the API at `url`."""

    def __init__(self, root: Path, env: Mapping[str, str], url: str) -> None:
        self._root, self._data, self._url = root, root / ".data", url
        self._signals: list[int] = []
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # under nohup it stays ignored
                signal.signal(number, lambda number, _: self._signals.append(number))
        kinds = {"REDIS_URL": Redis, "DATABASE_URL": Postgres}
        self._servers: dict[str, Server] = {name: kinds[name](self._data) for name in kinds if not env.get(name)}
        self._env = {**env, **{name: server.url for name, server in self._servers.items()}}
        self._prepare_log = self._data / "prepare.log"
        arguments = ["-m", "devstack.prepare", str(self._data / "demo.json"), url]
        self._prepare = self._process("prepare", arguments, self._prepare_log)
        self._apps = [self._process(name, arguments) for name, arguments in APPS.items()]
        self._kept: list[Process] = []

    def run(self) -> None:
        """Run until told to stop. Everything is stopped when it returns or raises DevstackError or OSError."""
        try:
            for server in self._servers.values():
                server.start(self._tick)
                self._kept.append(server.process)
            self._prepare_database()
            self._write_servers()
            for app in self._apps:
                app.launch()
                self._kept.append(app)
            self._watch()
        except Stopping as reason:
            say(str(reason))
        finally:  # the servers last: the others still need them
            (self._data / SERVERS).unlink(missing_ok=True)
            stop(self._prepare, *self._apps)
            for server in self._servers.values():
                server.stop()

    def _tick(self, seconds: float) -> None:
        """Start again what has ended. Raises Stopping."""
        if self._signals:
            raise Stopping("Stopping ...")
        if not (self._data / RUN_LOCK).exists():
            raise Stopping(".data is gone: stopping.")
        for process in self._kept:
            process.keep(time.monotonic())
        time.sleep(seconds)

    def _prepare_database(self) -> None:
        self._prepare_log.unlink(missing_ok=True)
        self._prepare.launch()
        while self._prepare.running():
            self._tick(0.01)
        if self._prepare.exit_status:
            raise DevstackError(f"The database is not ready: {reason_in(self._prepare_log)} ({self._prepare_log})")

    def _write_servers(self) -> None:
        """Where nightshift.settings finds them."""
        file = self._data / SERVERS
        file.touch(0o600)
        file.write_text(json.dumps({name: self._env[name] for name in ("DATABASE_URL", "REDIS_URL")}))

    def _watch(self) -> None:
        while not _answers(f"{self._url}/readyz"):
            self._tick(0.1)
        demo = json.loads((self._data / "demo.json").read_text())
        say(f"Nightshift runs at {demo['baseUrl']}/console. Ctrl-C stops it.")
        say(f"  the API      {demo['baseUrl']}/docs")
        say(f"  the queues   {demo['baseUrl']}/admin/queues")
        say(f"  a key        {demo['apiKey']}  (agent {demo['agentId']}; more in .data/demo.json)")
        while True:
            self._tick(0.1)

    def _process(self, name: str, arguments: list[str], log: Path | None = None) -> Process:
        return Process(name, [sys.executable, *arguments], log=log, cwd=self._root, env=self._env)


def _answers(url: str) -> bool:
    """Whether it answers 200, asked without a proxy."""
    try:
        build_opener(ProxyHandler({})).open(url, timeout=2).close()
    except OSError:
        return False
    return True
