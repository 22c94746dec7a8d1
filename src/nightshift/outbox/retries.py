"""Retries of many FAILED rows: each has a time of its own, so that neither a vendor nor a worker is flooded.

All that matched are written by one statement. A dispatcher enqueues each when its time comes, in this order, which is that of
each lane. A row that someone retried meanwhile has another generation, and is left alone.
"""

import math
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from nightshift.db.models import Outbox, Retry

PER_SECOND = 30  # of one bulk retry: about what a bot may send at Telegram
AT_ONCE = 50  # enqueued by one dispatcher before it looks at anything else
LOCK = 7_461_003  # one dispatcher at a time keeps the order

# `r`, of the outbox row `o`: it is FAILED, and will be enqueued again at r.at.
SCHEDULED = "r.job = o.job AND r.row_id = o.row_id AND r.generation = o.generation AND o.state = 'failed'"
JOIN = (  # the same for SQLAlchemy
    (Retry.job == Outbox.job) & (Retry.row_id == Outbox.row_id) & (Retry.generation == Outbox.generation)
    & (Outbox.state == "failed")
)  # fmt: skip
NOT_SCHEDULED = f"NOT EXISTS (SELECT FROM retries r WHERE {SCHEDULED})"
SCHEDULE = f"""
    INSERT INTO retries AS r (job, row_id, generation, at)
    SELECT o.job, o.row_id, o.generation, statement_timestamp() + interval '1 second' / {PER_SECOND}
           * (row_number() OVER (ORDER BY o.lane_seq NULLS FIRST, o.job, o.row_id) - 1)
    FROM outbox o WHERE o.state = 'failed' AND {{which}}
    ON CONFLICT (job, row_id) DO UPDATE SET generation = excluded.generation, at = excluded.at
    WHERE r.generation <> excluded.generation
"""  # noqa: S608 constants
TURN = text("SELECT pg_try_advisory_xact_lock(:lock)")
ARE_DUE = """
    SELECT EXISTS (SELECT FROM retries WHERE at <= clock_timestamp() AND job = ANY (%(jobs)s::text[])) AS are_due
"""
DUE = text("""
    SELECT job, row_id, generation FROM retries WHERE at <= clock_timestamp() AND job = ANY (:jobs) ORDER BY at LIMIT :limit
""")
DROP = text("DELETE FROM retries WHERE job = :job AND row_id = :row_id AND generation = :generation")


def schedule(session: Session, which: str, **values: Any) -> int:
    """Have the FAILED rows `o` for which the SQL condition `which` holds enqueued again: how many, without those that are
    scheduled already."""
    result: Any = session.execute(text(SCHEDULE.format(which=which)), values)
    return int(result.rowcount)


def seconds(count: int) -> int:
    """How long it takes until so many rows are enqueued."""
    return math.ceil(count / PER_SECOND)
