"""Everything that is known of one id: of a document, a message, a mail, a slot's day or month, or any other outbox row."""

from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.orm import Session

from runner.connection import redis
from runner.registry import JOBS, job_id

LAST = 5  # of a row's generations, those whose log ids are shown
# Where ids of their own stand, and what of it holds words of customers or bytes.
TABLES = {"documents": ("source_hash", "etag", "last_modified"), "messages": ("content",), "emails": ("html", "text")}
ROW = "SELECT to_jsonb(t) - CAST(:hidden AS text[]) AS row FROM {table} t WHERE id = :id"
OUTBOX = text("SELECT to_jsonb(o) AS row, o.job, o.generation FROM outbox o WHERE row_id = :id ORDER BY job")
RETRIED = text("SELECT at FROM retries WHERE job = :job AND row_id = :id AND generation = :generation")
ATTEMPTS = text("""
    SELECT at, generation, outcome, http_status, error FROM message_attempts WHERE message_id = :id ORDER BY generation
""")
DELIVERIES = text("SELECT part, generation, state, at, error FROM deliveries WHERE message_id = :id ORDER BY part, at")


Found = dict[str, Any]


def find(session: Session, row_id: str) -> Found | None:
    """What is known of this id, None where that is nothing: kind, row, jobs, attempts, deliveries.

    `kind`: its table; None where only outbox rows have this id. Of each of those, `jobs` has the row and its queue, when a bulk
    retry enqueues it again, what Redis holds of its newest run (None: nothing, or Redis is away), and under which ids the log
    speaks of its runs.
    """
    kind, row = next(((table, found) for table in TABLES if (found := _row(session, table, row_id))), (None, {}))
    jobs = [_job(session, found) for found in session.execute(OUTBOX, {"id": row_id})]
    if not row and not jobs:
        return None
    attempts, deliveries = (
        [dict(found) for found in session.execute(sql, {"id": row_id}).mappings()] for sql in (ATTEMPTS, DELIVERIES)
    )
    return dict(kind=kind, row=row, jobs=jobs, attempts=attempts, deliveries=deliveries)


def _row(session: Session, table: str, row_id: str) -> Found | None:
    found = session.scalar(text(ROW.format(table=table)), {"id": row_id, "hidden": list(TABLES[table])})
    return dict(found) if found else None


def _job(session: Session, found: Any) -> Found:
    retry = dict(job=found.job, id=found.row["row_id"], generation=found.generation)
    generations = range(max(1, found.generation - LAST + 1), found.generation + 1)
    log_ids = [job_id(found.job, found.row["row_id"], generation) for generation in generations]
    state = dict(retry_at=session.scalar(RETRIED, retry), in_redis=_in_redis(log_ids[-1:]), log_ids=log_ids)
    return dict(row=found.row, queue=JOBS[found.job].queue.name if found.job in JOBS else None, **state)


def _in_redis(names: list[str]) -> str | None:
    try:
        status = [redis().hget(f"rq:job:{name}", "status") for name in names]
    except RedisError:
        return None
    return next((each.decode("utf-8", "replace") for each in status if each), None)
