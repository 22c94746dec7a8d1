"""The program on one machine: real processes, restarted as `make run` does it, on embedded servers."""

import base64
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import redis
import requests
from disk import Disk
from programs import free_port

from devstack.postgres import Postgres
from devstack.process import Process, stop
from devstack.redis import Redis
from devstack.run import APPS
from nightshift.settings import VENDOR_BASE_URLS

ROOT = Path(__file__).resolve().parents[2]
OPERATOR_KEY = "operatorkeymarker"
MARK = "NIGHTSHIFT_CHAOS"  # in the environment of every process of a run: leftovers are found by it
MAX_START_SECONDS = 60.0


class Machine:
    """`kept`: its processes by name; those in `held` are not restarted when they end."""

    def __init__(self, vendors_url: str) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="nightshift-chaos-"))
        self.mark = os.environ[MARK] = uuid.uuid4().hex
        self.postgres, self.redis_server = Postgres(self.home, shared_buffers="64MB"), Redis(self.home)
        owner = self.postgres.account
        self.disk = Disk(self.postgres.directory, owner.get("user", os.getuid()), owner.get("group", os.getgid()))
        self.redis = redis.Redis.from_url(self.redis_server.url, socket_timeout=2)
        port = free_port()
        self.base_url = f"http://127.0.0.1:{port}"
        self._env = {**os.environ, **self._settings(vendors_url), "PORT": str(port)}
        names = {"web": "web", "worker": "worker", "scheduler-1": "scheduler", "scheduler-2": "scheduler"}
        self.apps = {name: self._process(name, APPS[kind]) for name, kind in names.items()}
        self.kept = {"postgres": self.postgres.process, "redis": self.redis_server.process, **self.apps}
        self.held: set[str] = set()

    def start(self) -> None:
        """Everything runs, and /readyz answers 200."""
        self.postgres.start()
        self.redis_server.start()
        subprocess.run([sys.executable, "-m", "nightshift.db.migrate"], check=True, cwd=ROOT, env=self._env)
        for app in self.apps.values():
            app.launch()
        end = time.monotonic() + MAX_START_SECONDS
        while not self.ready():
            self.tick()
            assert time.monotonic() < end, f"it did not start: see {self.home}"

    def tick(self) -> None:
        """Call often, in the main thread: a process that ended is started again."""
        with redirect_stdout(io.StringIO()):
            for name, process in self.kept.items():
                if name not in self.held:
                    process.keep(time.monotonic())
        time.sleep(0.05)

    def ready(self) -> bool:
        try:
            return requests.get(f"{self.base_url}/readyz", timeout=3).status_code == 200
        except requests.RequestException:
            return False

    def kill(self, name: str, signum: int = signal.SIGKILL) -> None:
        pid = self.kept[name].pid
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signum)

    def children(self, name: str) -> list[psutil.Process]:
        """The child processes of one that runs; none where it does not."""
        try:
            return psutil.Process(self.kept[name].pid or -1).children()
        except (psutil.NoSuchProcess, ValueError):
            return []

    def sql(self, query: str, *values: Any) -> Sequence[Any]:
        """Raises psycopg2.Error while Postgres is away."""
        connection = psycopg2.connect(self.postgres.url, connect_timeout=3)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(query, values or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def logs(self) -> list[Path]:
        return sorted(path for path in self.home.glob("*.log*") if path.is_file())

    def stop(self) -> None:
        """Everything is stopped, the servers last."""
        stop(*self.apps.values())
        self.redis_server.stop()
        self.postgres.stop()

    def leftovers(self) -> list[psutil.Process]:
        """The processes of this run that are still there, whatever their parent is now."""
        return [process for process in psutil.process_iter() if process.pid != os.getpid() and self._is_ours(process)]

    def end_leftovers(self) -> None:
        for process in self.leftovers():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def remove(self) -> None:
        self.disk.unmount()
        self.postgres.remove()

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == self.mark
        except psutil.Error:
            return False

    def _process(self, name: str, arguments: list[str]) -> Process:
        log = self.home / f"{name}.log"
        return Process(name, [sys.executable, *arguments], log=log, cwd=ROOT, env=self._env)

    def _settings(self, vendors_url: str) -> dict[str, str]:
        return {
            "APP_ENV": "development", "LOG_FORMAT": "json", "OUTBOUND_ALLOW_HOSTS": "127.0.0.1",
            "DATABASE_URL": self.postgres.url, "REDIS_URL": self.redis_server.url,
            "ADMIN_API_KEY": OPERATOR_KEY, "CREDENTIAL_KEYS": base64.urlsafe_b64encode(bytes(32)).decode(),
            "OPENAI_API_KEY": "openaikeymarker", "OPENAI_BASE_URL": f"{vendors_url}/openai/v1",
            "RESEND_API_KEY": "resendkeymarker", "RESEND_FROM": "Nightshift <nightshift@example.com>",
            "RESEND_BASE_URL": f"{vendors_url}/resend",
            "SENTRY_DSN": f"http://public@{vendors_url.removeprefix('http://')}/1",
            **{f"{vendor}_BASE_URL": f"{vendors_url}/{vendor.lower()}" for vendor in VENDOR_BASE_URLS},
        }  # fmt: skip
