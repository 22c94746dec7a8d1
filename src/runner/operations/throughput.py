"""How much ended, and how long it took, in the parts of the last hour and in the last hours: what charts are drawn from."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from runner import cron
from runner.operations.cards import Card, Part, Took
from runner.operations.kept import kept
from runner.registry import JOBS, QUEUES

STEP, STEPS = timedelta(minutes=5), 12
HOUR, HOURS = timedelta(hours=1), 12
SAMPLE = 200  # in each part, the last rows that are done, for the percentiles
ALL = ""  # the name of all queues together

ENDED = text("""
    SELECT job, date_bin(:step, updated_at, :since) AS at, count(*) AS done, 0 AS failed FROM outbox
    WHERE state = 'done' AND updated_at >= :since GROUP BY 1, 2
    UNION ALL SELECT job, date_bin(:step, updated_at, :since), 0, count(*) FROM outbox
    WHERE state = 'failed' AND updated_at >= :since GROUP BY 1, 2
""")
TOOK = text("""
    SELECT name, at, percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY seconds) AS took
    FROM unnest(CAST(:times AS timestamptz[])) AS at, LATERAL (
        SELECT job, greatest(0, extract(epoch FROM updated_at - due_at))::float8 AS seconds FROM outbox
        WHERE state = 'done' AND updated_at >= at AND updated_at < at + :step ORDER BY updated_at DESC LIMIT :sample) AS last
    JOIN unnest(CAST(:jobs AS text[]), CAST(:names AS text[])) AS jobs (job, name) USING (job)
    GROUP BY name, at
""")


@kept
def last_hour(session: Session) -> dict[str, list[Part]]:
    """Of each queue, in steps of five minutes, oldest first. The last one is not over.

    They begin at round times: one that is over does not change any more.
    """
    moment = cron.now(session)
    first = moment - (moment - datetime(2000, 1, 1, tzinfo=moment.tzinfo)) % STEP - STEP * (STEPS - 1)
    times = [first + STEP * n for n in range(STEPS)]
    seconds = took(session, times, STEP)
    parts = {queue: {at: Part(at, took=seconds.get((queue, at))) for at in times} for queue in QUEUES}
    for row in session.execute(ENDED, dict(since=first, step=STEP)):
        if row.job in JOBS and (part := parts[JOBS[row.job].queue.name].get(row.at)):
            part.done += row.done
            part.failed += row.failed
    return {queue: list(found.values()) for queue, found in parts.items()}


def last_hours(cards: Sequence[Card]) -> list[Part]:
    """Of all queues together, hour by hour, oldest first. The last one is not over."""
    seconds = _took_by_hour()
    return [
        Part(at, sum(part.done for part in parts), sum(part.failed for part in parts), seconds.get((ALL, at)))
        for at, parts in ((parts[0].at, parts) for parts in zip(*(card.hours for card in cards), strict=True))
    ]


@kept
def _took_by_hour(session: Session) -> dict[tuple[str, datetime], Took]:
    return took(session, hours_until(cron.now(session)), HOUR, by_queue=False)


def hours_until(moment: datetime) -> list[datetime]:
    """When each of the last hours began, the oldest first; the last one is not over."""
    this = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return [this - HOUR * ago for ago in reversed(range(HOURS))]


def took(
    session: Session, times: Sequence[datetime], step: timedelta, sample: int = SAMPLE, *, by_queue: bool = True
) -> dict[tuple[str, datetime], Took]:
    """By the queue, and the time at which a part begins; of that part's last `sample` rows."""
    names = [job.queue.name if by_queue else ALL for job in JOBS.values()]
    values: dict[str, Any] = dict(jobs=list(JOBS), names=names, times=times, step=step, sample=sample)
    return {(row.name, row.at): (row.took[0], row.took[1]) for row in session.execute(TOOK, values)}
