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
    kept = {name: parsed for key in registries for name in _names(key) if (parsed := parse_job_id(name))}
    values = dict(
        names=list(kept), jobs=[job for job, _, _ in kept.values()], rows=[row_id for _, row_id, _ in kept.values()]
    )
    gone = [*session.scalars(WITHOUT_ROW, values), *(job_id(*each) for each in active)]
    with redis().pipeline(transaction=False) as pipe:
        for name in gone:
            pipe.delete(f"rq:job:{name}", f"rq:results:{name}")
            for key in registries:
                pipe.zrem(key, name)
        pipe.execute()


def _names(registry: str) -> list[str]:
    return [name.decode("utf-8", "replace") for name in redis().zrange(registry, 0, -1)]
