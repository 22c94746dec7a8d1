"""Reconciles Redis with the outbox: what Postgres says is dispatched and Redis has lost is pending again."""

import logging
from typing import Any

from redis.exceptions import ResponseError

from nightshift import events, metrics, workspaces
from nightshift.channels import reports
from nightshift.db.session import statement, transaction
from nightshift.logs import log
from nightshift.outbox import statements
from runner.connection import redis
from runner.counts import COUNTS
from runner.dispatch import lost
from runner.registry import JOBS, QUEUES, job_id

NO_SUCH_JOB = "This release has no job of that name."
OF_A_QUEUE = {"queue": b"list", "wip": b"zset", "finished": b"zset", "failed": b"zset", "workers": b"set"}


def reconcile() -> int:
    """Have dispatched again what Redis lost, and drop what dead workers left there. Returns how many rows were lost.

    Costs one look at Redis and one at the rows that are dispatched; finished rows and those due later cost nothing.
    """
    connection = redis()
    remove_other_kinds()
    for row in statement(statements.UNKNOWN, jobs=list(JOBS), error=NO_SUCH_JOB):
        log("row failed", logging.ERROR, job=row.job, reason=NO_SUCH_JOB)
    dispatched = statement(statements.DISPATCHED, durable=False)
    waiting = {name for queue in QUEUES for name in connection.lrange(f"rq:queue:{queue}", 0, -1)}
    missing = [row for row in dispatched if job_id(row.job, row.row_id, row.generation).encode() not in waiting]
    lost(*[(row.job, row.row_id, row.generation) for row in missing])
    for row in missing:
        metrics.count(metrics.LOST, row.job)
        connection.delete(f"rq:job:{job_id(row.job, row.row_id, row.generation)}")
    _drop_leftovers(connection)
    with transaction() as session:
        events.prune(session)
        workspaces.prune_sessions(session)
    reports.settle_left()
    return len(missing)


def remove_other_kinds() -> None:
    """A key of another kind where one of the engine's should be would stop everybody who uses it. Raises RedisError."""
    connection = redis()
    kinds = {"rq:workers": b"set", "rq:queues": b"set", COUNTS: b"hash"}
    for queue in QUEUES:
        kinds |= {f"rq:{key}:{queue}": kind for key, kind in OF_A_QUEUE.items()}
    with connection.pipeline(transaction=False) as pipe:
        for key in kinds:
            pipe.type(key)
        found = pipe.execute()
    for (key, kind), there in zip(kinds.items(), found, strict=True):
        if there not in (kind, b"none"):
            connection.delete(key)


def _drop_leftovers(connection: Any) -> None:
    """Entries of started jobs that no worker runs: it died, or Redis was away when they ended."""
    for queue in QUEUES:
        for entry in connection.zrange(f"rq:wip:{queue}", 0, -1):
            job, _, worker = entry.rpartition(b":")
            try:
                runs = connection.hget(b"rq:worker:" + worker, "current_job") == job
            except ResponseError:  # not a hash: not a worker
                runs = False
            if not runs:
                connection.zrem(f"rq:wip:{queue}", entry)
