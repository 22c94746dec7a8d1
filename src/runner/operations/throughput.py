"""How much ended, and how long it took, in the parts of the last hour and in the last hours: what charts are drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from runner import cron
from runner.operations.cards import Card
from runner.operations.durations import ALL, Took, took
from runner.operations.figures import HOUR, HOURS
from runner.operations.kept import kept
from runner.registry import JOBS, QUEUES

STEP, STEPS = timedelta(minutes=5), 12
SAMPLE = 200  # in each part, the last rows that are done, for the percentiles

ENDED = text("""
    SELECT job, date_bin(:step, updated_at, :since) AS at, count(*) AS done, 0 AS failed FROM outbox
    WHERE state = 'done' AND updated_at >= :since GROUP BY 1, 2
    UNION ALL SELECT job, date_bin(:step, updated_at, :since), 0, count(*) FROM outbox
    WHERE state = 'failed' AND updated_at >= :since GROUP BY 1, 2
""")


@dataclass
class Part:
    """A part of the time, from `at` on. `took`: from due to done in seconds, median and 95th percentile; None where nothing is
    done."""

    at: datetime
    done: int = 0
    failed: int = 0
    took: Took | None = None

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
    for (queue, at), seconds in took(session, times, STEP, SAMPLE).items():
        parts[queue][at].took = seconds
    return {queue: list(found.values()) for queue, found in parts.items()}


def last_hours(cards: Sequence[Card]) -> list[Part]:
    """Of all queues together, hour by hour, oldest first. The last one is not over."""
    seconds = _took_by_hour()
    return [
        Part(
            hours[0].at,
            sum(hour.done for hour in hours),
            sum(hour.failed for hour in hours),
            seconds.get((ALL, hours[0].at)),
        )
        for hours in zip(*(card.hours for card in cards), strict=True)
    ]


@kept
def _took_by_hour(session: Session) -> dict[tuple[str, datetime], Took]:
    this = cron.now(session).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return took(session, [this - HOUR * ago for ago in range(HOURS)], HOUR, SAMPLE, by_queue=False)
