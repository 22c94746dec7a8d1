"""Dispatches rows that are due: at most so many of a workspace at once, as jobs in RQ's queues.

Postgres knows what is due; a job in Redis only says "look". A lost one costs nothing but the time until reconciliation.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from threading import Condition, Thread
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from nightshift import outbox
from nightshift.db.session import statement
from nightshift.logs import log
from nightshift.outbox import statements
from runner import rq_hash
from runner.connection import redis
from runner.registry import JOBS, Job

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
        if rows := take(JOBS[job], workspace_id):
            push(JOBS[job], rows)
    except (RedisError, SQLAlchemyError) as error:
        _silent_until = time.monotonic() + PAUSE_SECONDS
        log("dispatch failed", logging.WARNING, job=job, rows=len(rows), error=type(error).__name__)
    return len(rows)


def dispatch_all(jobs: Iterable[str]) -> int:
    """Dispatch what every workspace may have in Redis now, of these jobs."""
    names = [name for name in jobs if name in JOBS]
    bounds = [JOBS[name].queue.workers for name in names]
    pairs = statement(statements.DUE, durable=False, jobs=names, bounds=bounds)
    return sum(dispatch(pair.job, pair.workspace_id) for pair in pairs)


def take(job: Job, workspace_id: str) -> list[Any]:
    """The rows of a workspace that may be dispatched now, marked so, those due longest first."""
    values = dict(job=job.name, workspace=workspace_id, bound=job.queue.workers)
    sql = statements.DISPATCH.format(payload=job.payload)
    return statement(statements.DISPATCH_LOCK, sql, durable=False, **values)


def push(job: Job, rows: Sequence[Any]) -> None:
    """Put a job for each row into its queue. A row that cannot have one is FAILED, and no other one waits for it."""
    queue = rq_hash.queue(job.queue.name)
    with redis().pipeline() as pipe:
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
            values = dict(job=job.name, row_id=row.row_id, generation=row.generation)
            statement(statements.UNDISPATCHABLE, **values, error=NOT_DISPATCHABLE.format(reason=reason))
    return made


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
                log("dispatch failed", logging.WARNING, error=type(error).__name__)
            with self._changed:
                self._busy = False
                self._changed.notify_all()
            time.sleep(BATCH_SECONDS)


background = Background()


def in_background() -> None:
    """From now on commits of this process leave dispatching to a thread of its own (a web process)."""
    outbox.on_commit(background.dispatch)


outbox.on_commit(_dispatch_pairs)  # a worker, a command: before the commit's caller goes on
