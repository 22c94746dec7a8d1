"""How much ended, and how long it took, in the parts of the last hour and in the last hours: what charts are drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from runner import cron
from runner.operations.figures import HOURS, Card
from runner.operations.kept import kept
from runner.registry import JOBS, QUEUES

STEP, STEPS = timedelta(minutes=5), 12
HOUR = timedelta(hours=1)
SAMPLE = 200  # in each part, the last rows that are done, for the percentiles

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


@dataclass
class Part:
    """A part of the time, from `at` on. `took`: from due to done in seconds, median and 95th percentile; None where nothing is
    done."""

    at: datetime
    done: int = 0
    failed: int = 0
    took: tuple[float, float] | None = None

    @property
    def ended(self) -> int:
        return self.done + self.failed


@kept
def last_hour(session: Session) -> dict[str, list[Part]]:
    """Of each queue, in steps of five minutes, oldest first. The last one is not over.

    They begin at round times: one that is over does not change any more.
    """
    moment = cron.now(session)
    first = moment - (moment - datetime(2000, 1, 1, tzinfo=moment.tzinfo)) % STEP - STEP * (STEPS - 1)
    times = [first + STEP * n for n in range(STEPS)]
    parts = {queue: {at: Part(at) for at in times} for queue in QUEUES}
    for row in session.execute(ENDED, dict(since=first, step=STEP)):
        if row.job in JOBS and (part := parts[JOBS[row.job].queue.name].get(row.at)):
            part.done += row.done
            part.failed += row.failed
    for row in _took(session, {job.name: job.queue.name for job in JOBS.values()}, times, STEP):
        parts[row.name][row.at].took = tuple(row.took)
    return {queue: list(found.values()) for queue, found in parts.items()}


def last_hours(cards: Sequence[Card]) -> list[Part]:
    """Of all queues together, hour by hour, oldest first. The last one is not over."""
    took = _took_by_hour()
    return [
        Part(hours[0].at, sum(hour.done for hour in hours), sum(hour.failed for hour in hours), took.get(hours[0].at))
        for hours in zip(*(card.hours for card in cards), strict=True)
    ]


@kept
def _took_by_hour(session: Session) -> dict[datetime, tuple[float, float]]:
    this = cron.now(session).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    times = [this - HOUR * ago for ago in range(HOURS)]
    return {row.at: (row.took[0], row.took[1]) for row in _took(session, dict.fromkeys(JOBS, ""), times, HOUR)}


def _took(session: Session, names: Mapping[str, str], times: list[datetime], step: timedelta) -> Sequence[Any]:
    """By the name that `names` gives to each job."""
    values = dict(jobs=list(names), names=list(names.values()), times=times, step=step, sample=SAMPLE)
    return session.execute(TOOK, values).all()
