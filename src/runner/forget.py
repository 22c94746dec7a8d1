"""Takes jobs of deleted rows out of Redis, with the words they show."""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from runner.connection import redis
from runner.registry import JOBS, job_id, parse_job_id

WITHOUT_ROW = text("""
    SELECT name FROM unnest(CAST(:names AS text[]), CAST(:jobs AS text[]), CAST(:rows AS text[])) AS kept (name, job, row_id)
    WHERE NOT EXISTS (SELECT FROM outbox o WHERE o.job = kept.job AND o.row_id = kept.row_id)
""")


def forget_jobs(session: Session, active: Iterable[tuple[str, str, int]]) -> None:
    """Delete these jobs, and of the ended ones that RQ keeps those that have no row any more. Raises RedisError.

    Call it before the commit of the transaction that deletes the rows, so that both happen or neither.
    """
    registries = [
        f"rq:{kind}:{queue}" for queue in {job.queue.name for job in JOBS.values()} for kind in ("finished", "failed")
    ]
    kept = [(name, *named) for key in registries for name, named in ended_jobs(key)]
    values = dict(names=[each[0] for each in kept], jobs=[each[1] for each in kept], rows=[each[2] for each in kept])
    gone = [*session.scalars(WITHOUT_ROW, values), *(job_id(*each) for each in active)]
    with redis().pipeline(transaction=False) as pipe:
        for name in gone:
            pipe.delete(f"rq:job:{name}", f"rq:results:{name}")
            for key in registries:
                pipe.zrem(key, name)
        pipe.execute()


def ended_jobs(registry: str) -> list[tuple[str, tuple[str, str, int]]]:
    """Our jobs on one of RQ's lists: the id, and (job, row id, generation). Raises RedisError."""
    names = [name.decode("utf-8", "replace") for name in redis().zrange(registry, 0, -1)]
    return [(name, named) for name in names if (named := parse_job_id(name))]
