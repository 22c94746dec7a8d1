"""A Nightshift with servers of its own, which a test may break."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from client import OPERATOR_KEY, Client
from gate import Gate
from recorder import Recorder
from stack import Stack

from devstack.postgres import Postgres
from devstack.redis import Redis
from nightshift.settings import VENDOR_BASE_URLS

ROOT = Path(__file__).resolve().parents[2]


class Town:
    """`postgres`: a server of its own, by default behind `gate`. `api` is there once it has started."""

    def __init__(self, home: Path, vendors: Recorder) -> None:
        self.home, self.vendors = home, vendors
        self.postgres, self.redis = Postgres(home, shared_buffers="32MB"), Redis(home)
        self.gate = Gate(str(self.postgres.socket))
        self.url = f"postgresql://nightshift@127.0.0.1:{self.gate.port}/nightshift"
        self.stack: Any = None

    def start(self, *parts: str, **env: str) -> None:
        """Start the servers and these parts of the program, all three by default; those of `env` in place of the usual ones."""
        self.postgres.start()
        self.redis.start()
        urls = {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.redis.url}
        usual = {
            "OPENAI_API_KEY": "sk-test", "RESEND_API_KEY": "re_test", "RESEND_FROM": "Nightshift <n@example.com>",
            "RESEND_BASE_URL": f"{self.vendors.url}/resend", "OPENAI_BASE_URL": f"{self.vendors.url}/openai/v1",
            "LOG_FORMAT": "json", "OUTBOUND_ALLOW_HOSTS": "127.0.0.1", "DATABASE_URL": self.url, "SENTRY_DSN": "",
            **{f"{vendor}_BASE_URL": f"{self.vendors.url}/{vendor.lower()}" for vendor in VENDOR_BASE_URLS},
        }  # fmt: skip
        migrate = [sys.executable, "-m", "nightshift.db.migrate"]
        subprocess.run(migrate, check=True, cwd=ROOT, env={**os.environ, **urls})
        self.stack = Stack(ROOT, urls)  # its own look at the servers goes past what stands in the way
        self.stack.env |= usual | {"REDIS_URL": self.redis.url} | env
        for part in parts or ("web", "worker", "scheduler"):
            self.stack.launch(part)
        if not parts:
            self.stack.wait_ready()
            self.api = Client.of_new_workspace(self.stack.base_url, OPERATOR_KEY)

    def stop(self) -> None:
        """Everything, once: a test may do it before its fixture does."""
        stack, self.stack = self.stack, None
        self.gate.open()
        try:
            if stack:
                stack.stop()
        finally:
            self.gate.close()
            self.redis.stop()
            self.postgres.remove()
            shutil.rmtree(self.home, ignore_errors=True)
