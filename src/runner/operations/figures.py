"""The operator's figures: what the outbox holds, in one snapshot, and what ended in each of the last hours."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.orm import Session

from nightshift.outbox import done, pauses
from nightshift.outbox.retries import SCHEDULED
from nightshift.outbox.statements import paused
from runner.cron import now
from runner.heartbeat import live_workers
from runner.operations.cards import Card, Counts, Figures, Part
from runner.operations.kept import kept
from runner.operations.throughput import HOUR, hours_until, took
from runner.registry import JOBS, QUEUES

SAMPLE = 2000  # of all jobs, the last rows that are done, for the percentiles

# A row is in one of these states, by constraint; `scheduled` are those of the failed ones that will be retried.
STATES = text(f"""
    SELECT job, 'done' AS state, sum(number)::bigint AS number, NULL::timestamptz AS due_at
        FROM ({done.PARTS}) AS parts GROUP BY 1
    UNION ALL SELECT job, 'failed', count(*), NULL FROM outbox WHERE state = 'failed' GROUP BY 1
    UNION ALL SELECT o.job, 'scheduled', count(*), NULL FROM retries r JOIN outbox o ON {SCHEDULED} GROUP BY 1
    UNION ALL SELECT job, 'later', count(*), NULL FROM outbox
        WHERE state = 'pending' AND due_at > statement_timestamp() GROUP BY 1
    UNION ALL SELECT job, 'waiting', count(*), min(due_at) FROM outbox
        WHERE state = 'pending' AND due_at <= statement_timestamp() AND NOT EXISTS (SELECT FROM pauses) GROUP BY 1
    UNION ALL SELECT job, CASE WHEN {paused("outbox")} THEN 'held' ELSE 'waiting' END, count(*), min(due_at) FROM outbox
        WHERE state = 'pending' AND due_at <= statement_timestamp() AND EXISTS (SELECT FROM pauses) GROUP BY 1, 2
    UNION ALL SELECT job, 'blocked', count(*), NULL FROM outbox WHERE state = 'blocked' GROUP BY 1
    UNION ALL SELECT job, CASE state WHEN 'running' THEN 'running' ELSE 'waiting' END, count(*), min(due_at) FROM outbox
        WHERE state IN ('dispatched', 'running') GROUP BY 1, 2
""")  # noqa: S608 constants
ENDED = text(f"""
    SELECT job, 'done' AS state, hour, sum(number)::bigint AS number FROM (
        SELECT job, hour, number FROM done_hours WHERE hour >= :since
        UNION ALL SELECT job, date_trunc('hour', updated_at), count(*) FROM outbox
            WHERE state = 'done' AND updated_at >= greatest(:since, {done.UNTIL}) GROUP BY 1, 2) AS hours
    GROUP BY job, hour
    UNION ALL SELECT job, 'failed', date_trunc('hour', updated_at), count(*) FROM outbox
        WHERE state = 'failed' AND updated_at >= :since GROUP BY 1, 3
    UNION ALL SELECT job, state, NULL, count(*) FROM outbox
        WHERE state = 'done' AND updated_at > :hour_ago GROUP BY 1, 2
    UNION ALL SELECT job, state, NULL, count(*) FROM outbox
        WHERE state = 'failed' AND updated_at > :hour_ago GROUP BY 1, 2
""")  # noqa: S608 constants


@kept
def read(session: Session) -> Figures:
    """The figures of now, or of a moment ago where they take long to read."""
    moment = now(session)
    times = hours_until(moment)
    paused_by, workers = {pause.queue: pause for pause in pauses.listed(session, None)}, dict[str, int]()
    with suppress(RedisError):
        workers = live_workers()
    hours, seconds = _hours(session, moment, times[0]), took(session, [moment - HOUR], HOUR, SAMPLE)
    cards = {
        name: Card(
            name, moment, workers.get(name), paused_by.get(name),
            [Part(at, hours[name, "done", at], hours[name, "failed", at]) for at in times],
            done_last_hour=hours[name, "done", None], failed_last_hour=hours[name, "failed", None],
            median_seconds=median, p95_seconds=p95,
        )
        for name in QUEUES
        for median, p95 in [seconds.get((name, moment - HOUR), (None, None))]
    }  # fmt: skip
    total = Counts()
    for row in session.execute(STATES):
        _add(total, row)
        if row.job in JOBS:
            card = cards[JOBS[row.job].queue.name]
            _add(card.counts, row)
            _place(card, row)
    return Figures(moment, list(cards.values()), total)


def _add(counts: Counts, row: Any) -> None:
    if row.state == "scheduled":  # one of the failed ones, and owed again
        counts.failed -= row.number
        counts.owed += row.number
        return
    counts.accepted += row.number
    kind = row.state if row.state in ("done", "failed") else "owed"
    setattr(counts, kind, getattr(counts, kind) + row.number)


def _place(card: Card, row: Any) -> None:
    if row.state in ("done", "failed"):
        return
    name = "later" if row.state == "scheduled" else row.state
    setattr(card, name, getattr(card, name) + row.number)
    if name == "waiting":
        card.oldest_due_at = min(row.due_at, card.oldest_due_at or row.due_at)


def _hours(session: Session, moment: datetime, first: datetime) -> Counter[tuple[str, str, datetime | None]]:
    """By (queue, state, hour) how many ended; by no hour: in the last 60 minutes."""
    ended: Counter[tuple[str, str, datetime | None]] = Counter()
    for row in session.execute(ENDED, dict(since=first, hour_ago=moment - HOUR)):
        if row.job in JOBS:
            at = row.hour.astimezone(UTC) if row.hour else None
            ended[JOBS[row.job].queue.name, row.state, at] += row.number
    return ended
