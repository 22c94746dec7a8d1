"""A worker's heartbeat, beside whatever its job is doing: it is registered, its lease is renewed, its job keeps its time
limit, its supervisor lives."""

import logging
import os
import signal
import time
from collections.abc import Callable
from threading import Event, Thread, main_thread
from typing import Any, Self

from redis.exceptions import ResponseError
from rq import worker_registration

from nightshift import clock
from nightshift.logs import log
from nightshift.outbox.lease import held
from nightshift.server_errors import log_server_error
from runner.connection import connect, redis
from runner.registry import QUEUES

BEAT_SECONDS = 5
ALIVE = "nightshift:scheduler"  # a key in Redis that lives while a scheduler makes whole ticks
GONE_AFTER_SECONDS = 20  # without a heartbeat, a worker is no longer listed
RENEW_SECONDS = 10
GRACE_SECONDS = 30  # past its time limit, a job in C code that does not hear the alarm takes its process down


def live_workers() -> dict[str, int]:
    """How many workers of each queue have a key that has not expired. Raises RedisError."""
    keys = {queue: redis().smembers(f"rq:workers:{queue}") for queue in QUEUES}
    return {queue: int(redis().exists(*members)) if members else 0 for queue, members in keys.items()}


class Renewal(Thread):
    """Renews what this process works on, every 10 s. A process that is stopped (SIGSTOP) loses its leases, as it should."""

    def __init__(self) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._over = Event()
        self._renewed_at = time.monotonic()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def run(self) -> None:
        while not self._over.wait(1):
            self.beat()

    def beat(self) -> None:
        """Once a second."""
        if time.monotonic() - self._renewed_at >= RENEW_SECONDS:
            renewed = [self.attempt(lease.renew) for lease in list(held)]
            if all(renewed):  # else again in a second
                self._renewed_at = time.monotonic()

    def attempt(self, act: Callable[[], object]) -> bool:
        """Whether it went through. Each by itself: Redis' absence must not cost a lease that Postgres keeps."""
        try:
            act()
            return True
        except Exception as error:  # any: without this thread nothing is renewed
            log_server_error("heartbeat failed", error)
            return False


class Heartbeat(Renewal):
    """The heartbeat of an RQ worker."""

    def __init__(self, worker: Any, supervisor: int) -> None:
        super().__init__()
        self._worker = worker
        self._supervisor: int | None = supervisor
        self._connection = connect(2)
        self._registered_at = time.monotonic()

    def beat(self) -> None:
        super().beat()
        if time.monotonic() - self._registered_at >= BEAT_SECONDS:
            self._registered_at = time.monotonic()
            self.attempt(self._register)
        self._check_time_limit()
        if self._supervisor and os.getppid() != self._supervisor:
            self._supervisor = None
            os.kill(os.getpid(), signal.SIGTERM)  # an orphan: end after this job

    def _register(self) -> None:
        """All of it every time: after FLUSHALL a worker would stay invisible otherwise."""
        worker = self._worker
        if worker.birth_date is None or worker._stop_requested:
            return
        worker.last_heartbeat = clock.now()
        with self._connection.pipeline() as pipeline:
            pipeline.hset(worker.key, mapping=worker.serialize())
            pipeline.expire(worker.key, GONE_AFTER_SECONDS)
            worker_registration.register(worker, pipeline)
            pipeline.sadd("rq:queues", *(queue.key for queue in worker.queues))  # RQ's tools show empty ones too
            try:
                pipeline.execute()
            except ResponseError:  # of another kind, perhaps: made again by the next heartbeat
                self._connection.delete(worker.key)
                raise

    def _check_time_limit(self) -> None:
        """End a job that has used up its time: by an alarm, and where that is not heard with the process."""
        begun_at, limit = self._worker.begun_at, self._worker.limit_seconds
        if any(lease.writing for lease in held):  # its work is done: Postgres has to come back
            return
        if begun_at and time.monotonic() - begun_at > limit + GRACE_SECONDS:
            log("worker ends", logging.ERROR, worker=self._worker.name, reason="its job does not end")
            os._exit(1)
        if begun_at and time.monotonic() - begun_at > limit:
            signal.pthread_kill(main_thread().ident or 0, signal.SIGALRM)
