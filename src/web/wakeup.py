"""Postgres' NOTIFY, heard by one thread a process and passed on to whoever waits."""

import logging
import select
import time
from collections import Counter
from threading import Condition, Thread

import psycopg2

from nightshift.db.session import engine
from nightshift.logs import log

RECONNECT_SECONDS = 1.0


class Wakeup:
    """Counts the notifications of a channel by their payload. Listens from the first wait on."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._counts: Counter[str] = Counter()
        self._changed = Condition()
        self._listener: Thread | None = None

    def count(self, payload: str) -> int:
        """How often `payload` was heard so far."""
        with self._changed:
            if self._listener is None:
                self._listener = Thread(target=self._listen, name="wakeup", daemon=True)
                self._listener.start()
            return self._counts[payload]

    def wait(self, payload: str, seen: int, timeout_seconds: float) -> None:
        """Until `payload` was heard more than `seen` times, or the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self._counts[payload] > seen, timeout_seconds)

    def _listen(self) -> None:
        while True:
            try:
                self._hear()
            except Exception as error:  # whatever it is: without this thread events come by the poll only
                log("wake-up lost", logging.WARNING, error=type(error).__name__)
                time.sleep(RECONNECT_SECONDS)

    def _hear(self) -> None:
        arguments = engine().dialect.create_connect_args(engine().url)[1]
        connection = psycopg2.connect(**{**arguments, "connect_timeout": 5})
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
