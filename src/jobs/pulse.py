"""A worker's heartbeat, beside whatever its job is doing: it is there, its lease is kept, its supervisor lives."""

import logging
import os
import signal
import time
from collections.abc import Callable
from threading import Thread
from typing import Any

from redis.exceptions import RedisError
from rq import worker_registration
from rq.utils import now
from sqlalchemy.exc import SQLAlchemyError

from jobs.attempt import held_lease
from jobs.connection import connect
from nightshift.logs import log

BEAT_SECONDS = 5
GONE_AFTER_SECONDS = 20  # without a beat, a worker is no longer listed
RENEW_EVERY_BEATS = 2


class Pulse(Thread):
    """Beats every 5 s. A worker that is stopped (SIGSTOP) or stuck in C code with the interpreter's lock has none, and
    loses its lease, as it should."""

    def __init__(self, worker: Any, supervisor: int) -> None:
        super().__init__(name="pulse", daemon=True)
        self._worker = worker
        self._supervisor: int | None = supervisor

    def run(self) -> None:
        connection = connect(2)
        beat = 0
        while True:
            time.sleep(BEAT_SECONDS)
            beat += 1
            if beat % RENEW_EVERY_BEATS == 0:
                self._try(_renew)
            self._try(lambda: self._register(connection))
            if self._supervisor and os.getppid() != self._supervisor:
                self._supervisor = None
                os.kill(os.getpid(), signal.SIGTERM)  # an orphan: end after this job

    def _try(self, act: Callable[[], None]) -> None:
        """Each by itself: Redis' absence must not cost a lease that Postgres keeps."""
        try:
            act()
        except (RedisError, SQLAlchemyError) as error:
            log("pulse lost", logging.WARNING, worker=self._worker.name, error=type(error).__name__)

    def _register(self, connection: Any) -> None:
        """All of it every time: after FLUSHALL a worker would stay invisible otherwise."""
        worker = self._worker
        if worker.birth_date is None or worker._stop_requested:
            return
        worker.last_heartbeat = now()
        with connection.pipeline() as pipeline:
            pipeline.hset(worker.key, mapping={**worker.serialize(), "state": worker.get_state()})
            pipeline.expire(worker.key, GONE_AFTER_SECONDS)
            pipeline.expire(worker.executions_key, GONE_AFTER_SECONDS + 3600)
            worker_registration.register(worker, pipeline)
            pipeline.execute()


def _renew() -> None:
    lease = held_lease()
    if lease:
        lease.renew()
