"""The commands `make run` starts besides the servers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.process import Process


def app_processes(root: Path, env: Mapping[str, str]) -> list[Process]:
    """API, workers, scheduler: what `make web`, `make worker` and `make scheduler` start, in the same environment."""
    commands = {
        "web": [sys.executable, "-m", "gunicorn", "--config", "python:web.gunicorn_conf", "web:create_app()"],
        "worker": [sys.executable, "worker.py"],
        "scheduler": [sys.executable, "scheduler.py"],
    }
    return [Process(name, command, cwd=root, env=env) for name, command in commands.items()]


def prepare_process(root: Path, env: Mapping[str, str], base_url: str) -> Process:
    """Ends with 0 when the schema is up to date and demo.json is written."""
    command = [sys.executable, "-m", "devstack.prepare", str(root / ".data" / "demo.json"), base_url]
    return Process("prepare", command, cwd=root, env=env)
