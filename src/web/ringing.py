"""Rings after the commit, beside the requests: no caller waits for Redis, and a crowd of accepts is rung in one go."""

import logging
from collections.abc import Iterable
from threading import Condition, Thread

from jobs.ring import ring_due
from nightshift.logs import log


class Ringer:
    """One thread, started with the first ring. What it has not rung when the process dies, the sweep rings."""

    def __init__(self) -> None:
        self._owed: dict[tuple[str, str], None] = {}
        self._changed = Condition()
        self._thread: Thread | None = None
        self._busy = False

    def ring(self, owed: Iterable[tuple[str, str]]) -> None:
        """Have these (job, workspace id) rung soon, each once."""
        with self._changed:
            self._owed.update(dict.fromkeys(owed))
            if self._owed and self._thread is None:
                self._thread = Thread(target=self._run, name="ringer", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drain(self, timeout_seconds: float) -> None:
        """Return when all is rung, or the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: not self._owed and not self._busy, timeout_seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._owed)
                owed, self._owed, self._busy = self._owed, {}, True
            for job, workspace_id in owed:
                try:
                    ring_due(job, workspace_id)
                except Exception as error:  # Postgres is away: the sweep rings
                    log("ring lost", logging.WARNING, job=job, error=type(error).__name__)
            with self._changed:
                self._busy = False
                self._changed.notify_all()


ringer = Ringer()
