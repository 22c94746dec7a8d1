"""Postgres' NOTIFY, heard by one thread a process and passed on to the threads that wait for it."""

import select
import time
from collections import Counter
from threading import Condition, Thread

import psycopg2

from nightshift.db.session import connect_arguments
from nightshift.server_errors import log_server_error

RECONNECT_SECONDS = 1.0


class NotificationListener:
    """Counts the notifications of a channel by their payload. Listens from the first `count` on."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._counts: Counter[str] = Counter()
        self._changed = Condition()
        self._thread: Thread | None = None

    def count(self, payload: str) -> int:
        """How many notifications with `payload` have come so far."""
        with self._changed:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="notifications", daemon=True)
                self._thread.start()
            return self._counts[payload]

    def wait(self, payload: str, seen: int, timeout_seconds: float) -> None:
        """Return when more than `seen` notifications with `payload` have come, or the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self._counts[payload] > seen, timeout_seconds)

    def _run(self) -> None:
        while True:
            try:
                self._listen()
            except Exception as error:  # any: without this thread events are found only by polling
                log_server_error("notifications lost", error)
                time.sleep(RECONNECT_SECONDS)

    def _listen(self) -> None:
        connection = psycopg2.connect(**connect_arguments())
        try:
            connection.autocommit = True
            connection.cursor().execute(f"LISTEN {self._channel}")
            while True:
                select.select([connection], [], [], 30)
                connection.poll()
                with self._changed:
                    self._counts.update(n.payload for n in connection.notifies)
                    connection.notifies.clear()
                    self._changed.notify_all()
        finally:
            connection.close()
