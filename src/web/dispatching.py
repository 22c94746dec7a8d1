"""Dispatches what a request enqueued, in a thread beside the requests: no caller waits for Redis."""

import logging
import time
from threading import Condition, Thread
from typing import Any

from flask import g
from sqlalchemy.orm import Session

from jobs.ring import ring_due
from nightshift import mail
from nightshift.db.models import Workspace
from nightshift.logs import log

PAUSE_SECONDS = 0.02  # the first of a crowd is dispatched at once, the others fifty times a second


def enqueue(job: str, workspace_id: str) -> None:
    """Dispatch this job for this workspace once the request's transaction is committed."""
    g.setdefault("enqueued", []).append((job, workspace_id))


def enqueue_mail(session: Session, workspace_id: str, kind: str, key: str, **values: Any) -> None:
    """Write the workspace's contact a mail of this kind, once for each `key`."""
    if mail.owe(session, session.get_one(Workspace, workspace_id), kind, f"{kind}/{key}", **values):
        enqueue(mail.JOB, workspace_id)


def dispatch() -> None:
    """After the commit: what this request enqueued."""
    dispatcher.add(g.get("enqueued", []))


class Dispatcher:
    """One thread, started on first use. What it has not dispatched when the process dies, the sweep dispatches."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], None] = {}
        self._changed = Condition()
        self._thread: Thread | None = None
        self._busy = False

    def add(self, jobs: list[tuple[str, str]]) -> None:
        """Dispatch these (job, workspace id) soon, each once."""
        if not jobs:
            return
        with self._changed:
            self._waiting.update(dict.fromkeys(jobs))
            if self._thread is None:
                self._thread = Thread(target=self._run, name="dispatcher", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drain(self, timeout_seconds: float) -> None:
        """Return when everything is dispatched, or the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout_seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                jobs, self._waiting, self._busy = self._waiting, {}, True
            for job, workspace_id in jobs:
                try:
                    ring_due(job, workspace_id)
                except Exception as error:  # Postgres is not available: the sweep dispatches
                    log("dispatch failed", logging.WARNING, job=job, error=type(error).__name__)
            with self._changed:
                self._busy = False
                self._changed.notify_all()
            time.sleep(PAUSE_SECONDS)


dispatcher = Dispatcher()
