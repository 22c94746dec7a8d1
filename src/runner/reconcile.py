"""Reconciles Redis with the outbox: what Postgres says is dispatched and Redis has lost is pending again."""

from typing import Any

from redis.exceptions import ResponseError

from nightshift import events
from nightshift.db.session import statement, transaction
from nightshift.outbox import statements
from runner.connection import redis
from runner.registry import QUEUES, job_id


def reconcile() -> int:
    """Have dispatched again what Redis lost, and drop what dead workers left there. Returns how many rows were lost.

    Costs one look at Redis and one at the rows that are dispatched; finished rows and those due later cost nothing.
    """
    connection = redis()
    _remove_other_kinds(connection)
    dispatched = statement(statements.DISPATCHED, durable=False)
    waiting = {name for queue in QUEUES for name in connection.lrange(f"rq:queue:{queue}", 0, -1)}
    lost = [row for row in dispatched if job_id(row.job, row.row_id, row.generation).encode() not in waiting]
    for row in lost:
        statement(statements.LOST, durable=False, job=row.job, row_id=row.row_id, generation=row.generation)
        connection.delete(f"rq:job:{job_id(row.job, row.row_id, row.generation)}")
    _drop_leftovers(connection)
    with transaction() as session:
        events.prune(session)
    return len(lost)


def _remove_other_kinds(connection: Any) -> None:
    """A key of another kind where a queue or a registry should be would stop everybody who uses it."""
    kinds = {"queue": b"list", "wip": b"zset", "finished": b"zset", "failed": b"zset"}
    for queue in QUEUES:
        for key, kind in kinds.items():
            if connection.type(f"rq:{key}:{queue}") not in (kind, b"none"):
                connection.delete(f"rq:{key}:{queue}")


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
