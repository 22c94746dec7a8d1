"""Dispatches rows that are due: at most so many of a workspace at once, as jobs in RQ's queues.

Postgres knows which rows are due; a job in Redis only says "look". A lost one costs nothing but the time until reconciliation.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from threading import Condition, Thread
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.exc import SQLAlchemyError

from nightshift import outbox
from nightshift.db.session import DISCONNECTED, statement, transaction
from nightshift.logs import log
from nightshift.outbox import statements
from nightshift.retry_policy import Failure
from nightshift.server_errors import log_server_error
from runner import rq_hash
from runner.connection import redis
from runner.registry import JOBS, NO_PAYLOAD, Job

ROUND_SECONDS = 1.0  # of one call of dispatch_all
PAUSE_SECONDS = 1.0  # after a server did not answer, it is left alone this long
BATCH_SECONDS = 0.02  # in the background, the first of a crowd is dispatched at once, the others fifty times a second
NOT_DISPATCHABLE = "This row cannot be dispatched: {reason}."

_silent_until = 0.0


def dispatch(job: str, workspace_id: str) -> int:
    """Dispatch what a workspace may have in Redis now. Returns how many jobs went there.

    Where Redis or Postgres is away it logs that and does nothing for a second: a worker's dispatcher does it later.
    """
    global _silent_until
    if time.monotonic() < _silent_until or job not in JOBS:
        return 0
    rows: Sequence[Any] = ()
    try:
        rows = take(JOBS[job], workspace_id)
        if rows:
            push(JOBS[job], rows)
        return len(rows)
    except (RedisError, SQLAlchemyError) as error:
        log_server_error("dispatch failed", error, job=job, rows=len(rows))
        if isinstance(error, (RedisConnectionError, RedisTimeoutError, *DISCONNECTED)):
            _silent_until = time.monotonic() + PAUSE_SECONDS
    with suppress(SQLAlchemyError):  # else reconciliation finds them
        lost(*[(job, row.row_id, row.generation) for row in rows])
    return 0


def lost(*jobs: tuple[str, str, int]) -> None:
    """These (job, row id, generation) are in no queue: pending again, unless a worker has claimed them."""
    if jobs:
        names, row_ids, generations = (list(column) for column in zip(*jobs, strict=True))
        statement(statements.LOST, durable=False, jobs=names, row_ids=row_ids, generations=generations)


def look() -> None:
    """Have the searches for due or active rows begin where there are some. To be called every few seconds."""
    statement(statements.LOOK, durable=False, jobs=list(JOBS))


def dispatch_all(jobs: Iterable[str]) -> int:
    """Dispatch what every workspace may have in Redis now, of these jobs."""
    names = [name for name in jobs if name in JOBS]
    bounds = [JOBS[name].queue.workers for name in names]
    ends, dispatched = time.monotonic() + ROUND_SECONDS, 0
    for pair in statement(statements.DUE, durable=False, jobs=names, bounds=bounds):
        if time.monotonic() > ends:  # the others at the next call: deaths are looked at in between
            break
        dispatched += dispatch(pair.job, pair.workspace_id)
    return dispatched


def take(job: Job, workspace_id: str) -> list[Any]:
    """The rows of a workspace that may be dispatched now, marked so, those due longest first."""
    values = dict(job=job.name, workspace=workspace_id, bound=job.queue.workers)

    def shown_by(payload: str) -> list[Any]:
        sql = statements.DISPATCH.format(payload=payload)
        return statement(statements.DISPATCH_LOCK, sql, durable=False, **values)

    try:
        return shown_by(job.payload)
    except DISCONNECTED:
        raise
    except SQLAlchemyError as error:  # what RQ would show of a row cannot be read: the rows run without it
        log("payload failed", logging.ERROR, job=job.name, error=type(error).__name__)
        return shown_by(NO_PAYLOAD)


def push(job: Job, rows: Sequence[Any]) -> None:
    """Put a job for each row into its queue. A row that cannot have one is FAILED, and no other one waits for it."""
    queue = rq_hash.queue(job.queue.name)
    with redis().pipeline(transaction=False) as pipe:  # each job's hash is there before its id is pushed
        for name, fields in hashes(job, rows):
            pipe.hset(f"rq:job:{name}", mapping=fields)
            pipe.rpush(queue.key, name)
        pipe.sadd(queue.redis_queues_keys, queue.key)
        pipe.execute()


def hashes(job: Job, rows: Sequence[Any]) -> list[tuple[str, dict[str, Any]]]:
    """The RQ jobs of these rows, less those that cannot have one."""
    made = []
    for row in rows:
        try:
            if not outbox.ROW_ID.fullmatch(row.row_id):
                raise ValueError("its id holds characters that no job's id has")
            made.append(rq_hash.hash_of(job, row))
        except Exception as error:
            reason = str(error) if isinstance(error, ValueError) else type(error).__name__
            log("row failed", logging.ERROR, job=job.name, reason=reason)
            _fail(job, row, NOT_DISPATCHABLE.format(reason=reason))
    return made


def _fail(job: Job, row: Any, sentence: str) -> None:
    """FAILED, and shown to its owner."""
    values = dict(job=job.name, row_id=row.row_id, generation=row.generation, error=sentence)
    found = statement(statements.UNDISPATCHABLE, **values)
    try:
        with transaction() as session:
            for workspace_id in [each.workspace_id for each in found]:
                lease = outbox.Lease(job.name, row.row_id, workspace_id, row.generation, "", 0, row.failures, 0.0)
                job.on_failure(session, lease, Failure(sentence, None, row.failures + 1, 0.0))
    except Exception as error:
        log("on_failure failed", logging.ERROR, job=job.name, raised=error)


def hand_over(job: Job) -> tuple[str, int]:
    """For a lease: the statement that takes its successor, and the bound of its queue."""
    return statements.HAND_OVER.format(payload=job.payload), job.queue.workers


def _dispatch_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    for job, workspace_id in pairs:
        dispatch(job, workspace_id)


class Background:
    """Dispatches beside the requests: no caller waits for Redis. What a dying process has not dispatched, a worker does."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[str, str], None] = {}
        self._changed = Condition()
        self._thread: Thread | None = None
        self._busy = False

    def dispatch(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Have these (job, workspace id) dispatched soon, each once."""
        with self._changed:
            self._pairs.update(dict.fromkeys(pairs))
            if self._thread is None:
                self._thread = Thread(target=self._run, name="dispatch", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drain(self, timeout_seconds: float) -> None:
        """Return when all is dispatched, or the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: not self._pairs and not self._busy, timeout_seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pairs)
                pairs, self._pairs, self._busy = self._pairs, {}, True
            try:
                _dispatch_pairs(pairs)
            except Exception as error:  # a worker's dispatcher does it
                log_server_error("dispatch failed", error)
            with self._changed:
                self._busy = False
                self._changed.notify_all()
            time.sleep(BATCH_SECONDS)


background = Background()


outbox.on_commit(_dispatch_pairs)  # a worker, a command: before the commit's caller goes on
