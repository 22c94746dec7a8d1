"""The operator's figures: what the outbox holds, in one snapshot, and what ended in each of the last hours."""

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.orm import Session

from nightshift.db.models import Pause
from nightshift.db.session import transaction
from nightshift.outbox import pauses
from runner.connection import redis
from runner.cron import now
from runner.heartbeat import live_workers
from runner.registry import JOBS, QUEUES

HOURS = 12
RECENT = 200  # of each job, the last rows that are done, for the percentiles
SHARE = 10  # figures are kept ten times as long as they took: they cost at most a tenth of one connection of Postgres

# A row is in one of these states, by constraint. What is done is counted in an index, what is not in small ones.
STATES = text("""
    SELECT job, 'done' AS state, count(*) AS number, NULL::timestamptz AS since FROM outbox WHERE state = 'done' GROUP BY job
    UNION ALL SELECT o.job, CASE WHEN r.at IS NULL THEN 'failed' ELSE 'later' END, count(*), min(o.updated_at)
        FROM outbox o LEFT JOIN retries r ON r.job = o.job AND r.row_id = o.row_id AND r.generation = o.generation
        WHERE o.state = 'failed' GROUP BY 1, 2
    UNION ALL SELECT job, CASE WHEN due_at > statement_timestamp() THEN 'later' ELSE 'waiting' END, count(*), min(due_at)
        FROM outbox WHERE state = 'pending' GROUP BY 1, 2
    UNION ALL SELECT job, 'blocked', count(*), min(due_at) FROM outbox WHERE state = 'blocked' GROUP BY 1
    UNION ALL SELECT job, CASE state WHEN 'running' THEN 'running' ELSE 'waiting' END, count(*), min(due_at)
        FROM outbox WHERE state IN ('dispatched', 'running') GROUP BY 1, 2
""")
ENDED = text("""
    SELECT job, state, floor(extract(epoch FROM :now - updated_at) / 3600)::int AS ago, count(*) AS number FROM (
        SELECT job, 'done' AS state, updated_at FROM outbox WHERE state = 'done' AND job = ANY (:jobs) AND updated_at > :since
        UNION ALL SELECT job, 'failed', updated_at FROM outbox WHERE state = 'failed' AND updated_at > :since) AS ended
    GROUP BY 1, 2, 3
""")
TOOK = text("""
    SELECT name.job, percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY seconds) AS took
    FROM unnest(CAST(:jobs AS text[])) AS name (job), LATERAL (
        SELECT extract(epoch FROM updated_at - due_at)::float8 AS seconds FROM outbox
        WHERE job = name.job AND state = 'done' AND updated_at > :since ORDER BY updated_at DESC LIMIT :recent) AS last
    GROUP BY name.job
""")


@dataclass
class Counts:
    """Rows: all that was accepted and is kept; done; owed, in whatever state; FAILED. accepted = done + owed + failed."""

    accepted: int = 0
    done: int = 0
    owed: int = 0
    failed: int = 0


@dataclass
class Card:
    """A queue. `waiting`: rows that are due; `later`: due later; `blocked`: behind another row of their lane. `workers`: live
    ones, None while Redis is away. `hours`: (done, failed) of the last 60 minutes first. `took`: from due to done, in seconds,
    of the last ones: median and 95th percentile."""

    name: str
    workers: int | None
    paused: Pause | None
    waiting: int = 0
    later: int = 0
    blocked: int = 0
    running: int = 0
    oldest_due_at: datetime | None = None
    counts: Counts = field(default_factory=Counts)
    hours: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)] * HOURS)
    took: tuple[float, float] | None = None


@dataclass(frozen=True)
class Figures:
    """`at`: when they were read. `oldest_wait` of a card counts from then."""

    at: datetime
    cards: list[Card]
    counts: Counts


_kept: tuple[float, Figures] | None = None
_lock = Lock()


def read() -> Figures:
    """The figures of now, or of a moment ago where they take long to read."""
    global _kept
    with _lock:
        begun = time.monotonic()
        if _kept is None or begun > _kept[0]:
            with transaction(durable=False) as session:
                figures = _read(session)
            _kept = begun + (time.monotonic() - begun) * SHARE, figures
        return _kept[1]


def workers() -> dict[str, int] | None:
    """The live workers of each queue; None while Redis is away."""
    try:
        return {queue: live_workers(redis().smembers(f"rq:workers:{queue}")) for queue in QUEUES}
    except RedisError:
        return None


def _read(session: Session) -> Figures:
    moment = now(session)
    live, paused = workers(), {pause.queue: pause for pause in pauses.listed(session, None)}
    cards = {name: Card(name, live[name] if live else None, paused.get(name)) for name in QUEUES}
    total = Counts()
    for row in session.execute(STATES):
        card = cards[JOBS[row.job].queue.name] if row.job in JOBS else None
        for counts in (total, *([card.counts] if card else [])):
            _count(counts, row)
        if card and row.state not in ("done", "failed"):
            setattr(card, row.state, getattr(card, row.state) + row.number)
        if card and row.state == "waiting":
            card.oldest_due_at = min(row.since, card.oldest_due_at or row.since)
    _add_ended(session, moment, cards)
    return Figures(moment, list(cards.values()), total)


def _count(counts: Counts, row: Any) -> None:
    counts.accepted += row.number
    kind = row.state if row.state in ("done", "failed") else "owed"
    setattr(counts, kind, getattr(counts, kind) + row.number)


def _add_ended(session: Session, moment: datetime, cards: dict[str, Card]) -> None:
    values = dict(now=moment, since=moment - timedelta(hours=HOURS), jobs=list(JOBS), recent=RECENT)
    ended: defaultdict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    for row in session.execute(ENDED, values):
        if row.job in JOBS:
            ended[JOBS[row.job].queue.name][row.state, max(0, row.ago)] += row.number
    for name, counts in ended.items():
        cards[name].hours = [(counts["done", ago], counts["failed", ago]) for ago in range(HOURS)]
    for row in session.execute(TOOK, values):
        cards[JOBS[row.job].queue.name].took = _longer(cards[JOBS[row.job].queue.name].took, row.took)


def _longer(known: tuple[float, float] | None, took: Sequence[float]) -> tuple[float, float]:
    """Of a queue with several jobs, the slower one's."""
    return max(known or (0.0, 0.0), (took[0], took[1]))
