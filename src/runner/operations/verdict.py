"""The verdict: does work flow, since when, the one likely cause, the one next action. The tables and Redis say it now; the first
rule that fits decides, and the scheduler writes down when it became another one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.orm import Session

from nightshift.db.migrate import SchemaBehind, check_schema
from nightshift.db.session import transaction
from runner.connection import redis
from runner.cron import now
from runner.heartbeat import ALIVE
from runner.operations import figures
from runner.operations.cards import Card, Figures
from runner.operations.kept import kept
from runner.registry import JOBS

LONG_WAIT_SECONDS = 60  # of a row that is due, before somebody has to look
RECENT = timedelta(minutes=15)
MIN_FAILURES = 5  # of one error, before they are more than one customer's bad address
LOOKED_AT = 1000  # of each job, rows that wait for a retry
KEPT_DAYS = 30
HEALTHY = "flowing"

# What fails lately: for good, or with a retry to come. Against what is done in the same time.
ERRORS = text(f"""
    SELECT name.job, error, count(*) AS number, min(updated_at) AS since,
           (SELECT count(*) FROM outbox d WHERE d.state = 'done' AND d.updated_at > :recent AND d.job = name.job) AS done
    FROM unnest(CAST(:jobs AS text[])) AS name (job), LATERAL (
        (SELECT error, updated_at FROM outbox
         WHERE state = 'failed' AND updated_at > :recent AND job = name.job ORDER BY updated_at DESC LIMIT {LOOKED_AT})
        UNION ALL (SELECT error, updated_at FROM outbox
         WHERE state = 'pending' AND due_at > statement_timestamp() AND job = name.job AND failures > 0
         ORDER BY due_at LIMIT {LOOKED_AT})) AS failing
    WHERE error IS NOT NULL GROUP BY name.job, error HAVING count(*) >= {MIN_FAILURES} ORDER BY number DESC
""")  # noqa: S608 constants
NEWEST = text("SELECT since, state FROM verdicts ORDER BY since DESC LIMIT 1")
RECORD = text("INSERT INTO verdicts VALUES (clock_timestamp(), :state, :cause)")
PRUNE = text(f"DELETE FROM verdicts WHERE since < clock_timestamp() - interval '{KEPT_DAYS} days'")  # noqa: S608 a constant


@dataclass(frozen=True)
class Verdict:
    """`state`: flowing, slow (more arrives than is done), failing (mostly one error), paused, stuck. `since`: as far as known."""

    state: str
    since: datetime | None
    cause: str
    action: str


@dataclass(frozen=True)
class Operations:
    """The verdict, and the figures it rests on; none where the schema is of another release."""

    verdict: Verdict
    figures: Figures | None


def look() -> Operations:
    """How it stands now."""
    try:
        check_schema()
    except SchemaBehind as behind:
        return Operations(Verdict("stuck", None, str(behind), "Run `nightshift migrate`."), None)
    known = figures.read()
    verdict = next(_rules(known))
    with transaction(durable=False) as session:
        before = session.execute(NEWEST).one_or_none()
    if before and before.state == verdict.state:
        verdict = replace(verdict, since=min(before.since, verdict.since or before.since))
    return Operations(verdict, known)


def record() -> None:
    """Write down that the verdict is another one now."""
    verdict = look().verdict
    with transaction() as session:
        before = session.execute(NEWEST).one_or_none()
        if before is None or before.state != verdict.state:
            session.execute(RECORD, dict(state=verdict.state, cause=verdict.cause))
            session.execute(PRUNE)


def _rules(known: Figures) -> Iterator[Verdict]:
    """What is wrong, the most likely cause of everything else first; at the end that nothing is."""
    yield from _away(known)
    yield from _failing()
    yield from (
        _waiting(card, wait) for card in known.cards if (wait := card.oldest_wait_seconds or 0) > LONG_WAIT_SECONDS
    )
    yield from (_paused(card) for card in known.cards if card.paused)
    failed = known.counts.failed
    look_at = f"{_rows(failed, 'row is', 'rows are')} FAILED: see why with `nightshift failed`."
    cause = "No work that is due waits for longer than a minute."
    yield Verdict(HEALTHY, None, cause, look_at if failed else "Nothing to do.")


def _away(known: Figures) -> Iterator[Verdict]:
    stuck = min((card.oldest_due_at for card in known.cards if card.oldest_due_at), default=None)
    try:
        scheduler = redis().exists(ALIVE)
    except RedisError:
        scheduler = None
    if scheduler is None or any(card.workers is None for card in known.cards):
        cause = "Redis does not answer: nothing is dispatched. What is accepted is kept in Postgres."
        yield Verdict("stuck", stuck, cause, "Start Redis, or correct REDIS_URL; then it goes on by itself.")
    idle = [card for card in known.cards if not card.workers]
    if idle:
        names = [card.name for card in idle]
        since = min((card.oldest_due_at for card in idle if card.oldest_due_at), default=None)
        all_of_them = len(idle) == len(known.cards)
        cause = "No worker is running." if all_of_them else f"No worker is running for {' and '.join(names)}."
        yield Verdict("stuck", since, cause, f"Run `make worker{'' if all_of_them else _queues(names)}`.")
    if not scheduler:
        cause = "No scheduler has completed a round lately: no slot is opened, and jobs that Redis loses stay lost."
        yield Verdict("stuck", None, cause, "Run `make scheduler`; its log says what it waits for.")


def _paused(card: Card) -> Verdict:
    assert card.paused
    held = f" {_rows(card.held)} for it." if card.held else ""
    cause = f"The queue {card.name} is paused: {card.paused.reason.rstrip('.')}.{held}"
    return Verdict("paused", card.paused.since, cause, f"When that is over: `nightshift resume {card.name}`.")


def _failing() -> Iterator[Verdict]:
    """Most of what a job has tried lately ended with one error."""
    for row in _errors():
        if row.number > row.done:
            queue = JOBS[row.job].queue.name
            cause = f"{row.number} of {queue} failed lately, {row.done} did not: {row.error}"
            action = f"Remove the cause; then `nightshift retry --queue {queue} --dry-run` says what to retry."
            yield Verdict("failing", row.since, cause, action)


@kept
def _errors(session: Session) -> Sequence[Any]:
    return session.execute(ERRORS, dict(jobs=list(JOBS), recent=now(session) - RECENT)).all()


def _waiting(card: Card, seconds: float) -> Verdict:
    since, waits = card.oldest_due_at, f"{_rows(card.waiting)} in {card.name}"
    if not card.running and not card.done_last_hour:
        cause = f"{waits}, and none of its {card.workers} workers takes any."
        return Verdict("stuck", since, cause, "Restart `make worker`; its log says what the dispatcher waits for.")
    cause = f"{waits}, the oldest for {_span(seconds)}: more arrives than {card.workers} workers do."
    pace = f"{card.done_last_hour} were done in the last hour."
    action = f"{pace} If that is too slow, run `make worker{_queues([card.name])}` on one more machine."
    return Verdict("slow", since, cause, action)


def _queues(names: list[str]) -> str:
    return f' QUEUES="{" ".join(names)}"'


def _rows(number: int, one: str = "row waits", many: str = "rows wait") -> str:
    return f"{number} {one if number == 1 else many}"


def _span(seconds: float) -> str:
    minutes = int(seconds) // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
