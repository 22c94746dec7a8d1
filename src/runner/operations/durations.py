"""How long rows took, from due to done: percentiles of the last ones in each part of the time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from runner.registry import JOBS

TOOK = text("""
    SELECT name, at, percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY seconds) AS took
    FROM unnest(CAST(:times AS timestamptz[])) AS at, LATERAL (
        SELECT job, greatest(0, extract(epoch FROM updated_at - due_at))::float8 AS seconds FROM outbox
        WHERE state = 'done' AND updated_at >= at AND updated_at < at + :step ORDER BY updated_at DESC LIMIT :sample) AS last
    JOIN unnest(CAST(:jobs AS text[]), CAST(:names AS text[])) AS jobs (job, name) USING (job)
    GROUP BY name, at
""")
ALL = ""  # the name of all queues together

Took = tuple[float, float]  # seconds: median, 95th percentile


def took(
    session: Session, times: Sequence[datetime], step: timedelta, sample: int, *, by_queue: bool = True
) -> dict[tuple[str, datetime], Took]:
    """By the queue, and the time at which a part begins; of that part's last `sample` rows."""
    names = [job.queue.name if by_queue else ALL for job in JOBS.values()]
    values: dict[str, Any] = dict(jobs=list(JOBS), names=names, times=times, step=step, sample=sample)
    return {(row.name, row.at): (row.took[0], row.took[1]) for row in session.execute(TOOK, values)}
