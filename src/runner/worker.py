"""One worker process on one queue: RQ's SimpleWorker, whose jobs are claimed and settled in the outbox."""

import json
import logging
import os
import signal
import time
import zlib
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sentry_sdk
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.job import JobStatus
from rq.utils import utcformat

from nightshift import clock, metrics, outbox, tracing
from nightshift.db.connection import watch
from nightshift.db.session import DISCONNECTED, retry_while_disconnected
from nightshift.logs import log, where
from nightshift.outbox import lease as leases
from nightshift.server_errors import log_server_error
from nightshift.settings import settings
from runner import counts, dispatch, reporting, rq_hash
from runner.connection import TIMEOUT_SECONDS, connect
from runner.heartbeat import GONE_AFTER_SECONDS, Heartbeat
from runner.registry import JOBS, Queue, parse_job_id
from runner.run import Ended, interrupts, run

POP_SECONDS = 5
SAME_STOP_SECONDS = 1.0
POLL_SECONDS = 1.0  # for a Redis that is away when a worker starts
ERROR_SECONDS = 0.2  # a queue that is not a list would be asked again and again
STEP = (Path(__file__).parent / "step.lua").read_text()


def work_on(queue: Queue, name: str, supervisor: int) -> None:
    """Work on one queue until told to stop, or until the process `supervisor` is gone.

    For a forked child that has opened no connection yet.
    """
    logging.getLogger("rq").setLevel(logging.CRITICAL)  # its lines hold arguments and errors' texts
    reporting.start_sentry(settings())
    watch()
    if not _redis_answers(supervisor):
        return
    worker = Worker(queue, name)
    Heartbeat(worker, supervisor).start()
    worker.work(logging_level="CRITICAL")
    sentry_sdk.flush(2)
    tracing.flush()


def _redis_answers(supervisor: int) -> bool:
    """Wait until it does. False where the process `supervisor` is gone before."""
    connection = connect(TIMEOUT_SECONDS)
    while os.getppid() == supervisor:
        try:
            return bool(connection.ping())
        except RedisError as error:
            log_server_error("redis away", error)
            time.sleep(POLL_SECONDS)
    return False


class Worker(SimpleWorker):
    """What a popped id means is in the outbox; the job's hash is only written, for RQ's tools to show.

    A busy worker makes one round trip to Redis a job (step.lua). Recovery is not its business (leases and reconciliation
    do that), nor is its heartbeat (runner.heartbeat).
    """

    max_connection_wait_time = 2.0
    dequeue_timeout = POP_SECONDS
    should_run_maintenance_tasks = False

    def __init__(self, queue: Queue, name: str) -> None:
        connection = connect(POP_SECONDS + 10)
        # RQ adds 60 s where it registers a birth: a worker that dies before its first heartbeat is gone as soon
        ttl = GONE_AFTER_SECONDS - 60
        super().__init__([rq_hash.queue(queue.name, connection)], name=name, connection=connection, worker_ttl=ttl)
        self.spec = queue
        self.begun_at = 0.0  # of the job that runs, in monotonic seconds; 0: none
        self.limit_seconds = queue.time_limit_seconds  # of that job
        self._next: str | None = None  # already begun in Redis
        self._stop_at = 0.0
        self._busy = False
        self._script = connection.register_script(STEP)
        kinds = ("queue", "wip", "finished", "failed")
        self._keys = [*(f"rq:{kind}:{queue.name}" for kind in kinds), counts.COUNTS, self.key]
        kept = dict(keep_finished=queue.keep_finished, keep_failed=queue.keep_failed)
        self._constant = dict(worker=name, kept_seconds=rq_hash.KEPT_SECONDS, **kept)

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> Any:
        """The id of the next job, which has begun in Redis; without `timeout` (a burst), None where there is none."""
        while self._next is None:
            try:
                if timeout is None:
                    self._next = self._step(pop=True)
                    if self._next is None:
                        return None
                elif popped := self.connection.blpop([self._keys[0]], timeout):
                    self._next = self._step(begin=_text(popped[1]))
            except RedisError as error:
                log_server_error("redis away", error)
                time.sleep(ERROR_SECONDS)
        job, self._next = self._next, None
        return job, self.queues[0]

    def execute_job(self, job: Any, queue: Any) -> None:
        """Run one job, report it, and begin the next one."""
        self._busy, self.begun_at = True, time.monotonic()
        try:
            ended, successors = self._run(job)
            seconds, self.begun_at = time.monotonic() - self.begun_at, 0.0
            reporting.attempt(job, self.spec.name, ended, seconds, by_worker=True)
            self._next = self._step(job, ended, seconds, successors, pop=not self._stop_requested)
        except RedisError as error:  # the row knows how the job ended; reconciliation does the rest
            log_server_error("redis away", error, worker=self.name)
        except Exception as error:  # RQ's loop would end without a word
            log("worker failed", logging.ERROR, worker=self.name, raised=error)
            reporting.report(error, job="worker")
            raise
        finally:
            self._busy, self.begun_at = False, 0.0

    def _run(self, job: str) -> tuple[Ended, Sequence[tuple[str, dict[str, Any]]]]:
        named = parse_job_id(job)
        spec = JOBS.get(named[0]) if named else None
        if named is None or spec is None or spec.queue is not self.spec:
            return Ended("refused"), ()
        try:
            lease = retry_while_disconnected(lambda: outbox.claim(*named, owner=self.name))
        except DISCONNECTED:  # before it began: reconciliation has it dispatched again
            return Ended("released", job=spec), ()
        if lease is None:
            return Ended("stale", job=spec), ()
        self.limit_seconds, self.begun_at = spec.time_limit_seconds, time.monotonic()
        lease.ends = time.monotonic() + min(leases.RUN_SECONDS, self.limit_seconds * 2 / 3)
        lease.hand_over = dispatch.hand_over(spec)
        ended = run(spec, lease)
        return ended, dispatch.hashes(spec, lease.successors)

    def _step(
        self, job: str | None = None, ended: Ended | None = None, seconds: float = 0.0,
        successors: Sequence[tuple[str, dict[str, Any]]] = (), *, begin: str | None = None, pop: bool = False,
    ) -> str | None:  # fmt: skip
        """End a job, push its successor, begin the next one: what was begun, if anything."""
        step: dict[str, Any] = self._constant | dict(
            now=utcformat(clock.now()), time=(seconds_now := clock.now().timestamp()), pop=pop,
            expires_at=seconds_now + rq_hash.KEPT_SECONDS, limit_at=seconds_now + self.spec.time_limit_seconds + 60,
            counts=(new := metrics.drain()),
        )  # fmt: skip
        if begin is not None:
            step["begin"] = begin
        if job is not None and ended is not None:
            step["ended"] = dict(id=job, seconds=seconds) | _kept(ended)
            if ended.error or ended.outcome == "done":
                step["ended"]["tally"] = "failed_job_count" if ended.error else "successful_job_count"
        flat = [part for name, fields in successors for part in (name, *(p for pair in fields.items() for p in pair))]
        try:
            begun = self._script(self._keys, [json.dumps(step), *flat])
        except RedisError:
            metrics.restore(new)
            raise
        return None if begun is None else _text(begun)

    def teardown(self) -> None:
        """A job that was begun in Redis and not yet here goes back into its queue."""
        try:
            if self._next is not None:
                job = self._next.encode("utf-8", "surrogateescape")
                with self.connection.pipeline() as pipe:
                    pipe.zrem(self._keys[1], job + b":" + self.name.encode())
                    pipe.delete(b"rq:execution:" + job + b":" + self.name.encode())
                    pipe.hset(b"rq:job:" + job, "status", JobStatus.QUEUED.value)
                    pipe.lpush(self._keys[0], job)
                    pipe.execute()
        finally:
            super().teardown()

    def request_stop(self, signum: Any, frame: Any) -> None:
        """First signal: end after this job. A second one, more than a second later: release the job now."""
        self._stop_at = time.monotonic()
        signal.signal(signal.SIGTERM, self._release)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._stop_requested = True
        if not self._busy:
            super()._shutdown()

    def _release(self, signum: Any, frame: Any) -> None:
        if time.monotonic() - self._stop_at > SAME_STOP_SECONDS:  # sooner it is the same stop, sent to the whole group
            interrupts.stop()

    def _install_signal_handlers(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
        signal.signal(signal.SIGTERM, self.request_stop)
        signal.signal(signal.SIGALRM, lambda *_: interrupts.time_out())  # by the heartbeat

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Sent by runner.heartbeat every few seconds, also during a job."""

    def set_state(self, state: str, pipeline: Any = None) -> None:
        """Written by step.lua."""
        self._state = state

    def subscribe(self) -> None:
        """No commands by pub/sub: who can write to Redis must not be able to stop workers."""

    def unsubscribe(self) -> None:
        pass

    def procline(self, message: str) -> None:
        pass

    def check_for_suspension(self, burst: bool) -> None:
        pass


def _kept(ended: Ended) -> dict[str, Any]:
    """How RQ shows an ended job. Of one that ends in no registry nothing stays: its row is dispatched again, or is gone."""
    if ended.outcome == "done":
        return {"status": JobStatus.FINISHED.value}
    if ended.outcome in ("failed", "refused"):
        told = where(ended.error) if ended.error else "This job is not one of the outbox."
        return {"status": JobStatus.FAILED.value, "error": b64encode(zlib.compress(told.encode())).decode()}
    return {}


def _text(name: bytes) -> str:
    """A name from Redis, where anything may be."""
    return name.decode("utf-8", "surrogateescape")
