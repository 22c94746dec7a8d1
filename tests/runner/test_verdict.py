"""The verdict names one cause and one action; the first that fits, as what is wrong first keeps everything else from working."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.exceptions import RedisError
from sqlalchemy import text

import jobs
from nightshift.db import migrate
from nightshift.db.models import Pause
from nightshift.db.session import statement, transaction
from runner.cron import now
from runner.operations import kept, verdict
from runner.operations.cards import Card, Counts, Figures
from runner.operations.verdict import Verdict
from runner.registry import JOBS, QUEUES
from runner.scheduler import TICK_LOCK

assert jobs
FAIL = """
    INSERT INTO outbox (job, row_id, workspace_id, state, failures, error, due_at)
    SELECT %(job)s, 'row' || n, '', CASE WHEN n % 2 = 0 THEN 'failed' ELSE 'pending' END, 1, 'Resend is busy.',
           clock_timestamp() + interval '1 hour' FROM generate_series(%(first)s::int, %(last)s::int) AS n
"""


NO_WORKERS: dict[str, dict[str, Any]] = {name: {"workers": 0} for name in QUEUES}


class Redis:
    """Whether a scheduler has written its key; None: it does not answer."""

    scheduler: bool | None = True

    def exists(self, key: str) -> bool:
        if self.scheduler is None:
            raise RedisError("away")
        return self.scheduler


@pytest.fixture
def job(servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The only job there is: what other tests left to be retried is not looked at."""
    name = f"test.{uuid.uuid4().hex}"
    monkeypatch.setattr(kept, "SHARE", 0)  # each look is a new one
    monkeypatch.setattr(verdict, "JOBS", {name: JOBS["email.send"]})
    yield name
    statement("DELETE FROM outbox WHERE job = %(job)s", job=name)


@pytest.fixture
def redis(servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Redis:
    found = Redis()
    monkeypatch.setattr(verdict, "redis", lambda: found)
    return found


def judged(changes: dict[str, dict[str, Any]] | None = None, failed: int = 0) -> Verdict:
    """Of queues that all work, but for these changes."""
    with transaction() as session:
        moment = now(session)
    cards = [Card(name, moment, 1, None, []) for name in QUEUES]
    for card in cards:
        vars(card).update((changes or {}).get(card.name, {}))
        if card.oldest_due_at:
            card.oldest_due_at = moment - (datetime.now(UTC) - card.oldest_due_at)
    return next(verdict._rules(Figures(moment, cards, Counts(failed=failed))))


def waiting(minutes: int, **more: Any) -> dict[str, Any]:
    return dict(waiting=7, oldest_due_at=datetime.now(UTC) - timedelta(minutes=minutes), **more)


def test_each_cause_is_named_with_what_to_do(redis: Redis, job: str) -> None:
    paused = Pause(queue="email", reason="A move.", since=datetime(2026, 11, 24, tzinfo=UTC))
    for changes, state, cause, action in (
        ({}, "flowing", "No work that is due", "Nothing to do"),
        ({"email": waiting(0)}, "flowing", "No work that is due", "Nothing to do"),
        (NO_WORKERS, "stuck", "No worker is running.", "`make worker`"),
        ({"email": {"workers": 0}, "billing": {"workers": 0}}, "stuck", "billing and email", 'QUEUES="billing email"'),
        ({"email": {"workers": None}}, "stuck", "Redis does not answer", "Start Redis"),
        ({"email": waiting(9)}, "stuck", "7 rows wait in email", "Restart `make worker`"),
        ({"email": waiting(9, running=1)}, "slow", "the oldest for 9 min", 'QUEUES="email"'),
        (
            {"email": {"paused": paused, "held": 1}},
            "paused",
            "A move. 1 row waits for it.",
            "`nightshift resume email`",
        ),
        ({"email": {"paused": paused}, "billing": waiting(9)}, "stuck", "billing", "Restart"),
    ):
        found = judged(changes)
        assert (found.state, cause in found.cause, action in found.action) == (state, True, True), found
    assert "1 row is FAILED" in judged(failed=1).action
    redis.scheduler = False
    assert "make scheduler" in judged().action
    redis.scheduler = None
    assert "Redis" in judged(NO_WORKERS).cause


def test_an_error_that_most_runs_end_with_is_the_cause(redis: Redis, job: str) -> None:
    statement(FAIL, job=job, first=1, last=4)
    assert judged().state == "flowing", "four may be one customer's"
    statement(FAIL, job=job, first=5, last=8)
    found = judged()
    assert (found.state, found.since is not None) == ("failing", True)
    assert found.cause == "8 of email failed lately, 0 did not: Resend is busy." and "--queue email" in found.action
    statement(FAIL.replace("'row'", "'done'"), job=job, first=1, last=9)
    statement("UPDATE outbox SET state = 'done' WHERE job = %(job)s AND row_id LIKE 'done%%'", job=job)
    assert judged().state == "flowing", "most of it is done"


def test_what_is_written_down_says_since_when(servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as session:
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": TICK_LOCK})  # no scheduler writes
        statement("DELETE FROM verdicts")
        for state in ("flowing", "flowing", "stuck"):
            found = Verdict(state, None, "Why.", "Do it.")
            monkeypatch.setattr(verdict, "_rules", lambda _, found=found: iter([found]))
            before = verdict.look().verdict.since
            verdict.record()
            assert (verdict.look().verdict.since == before) is (before is not None)
        assert [row.state for row in statement("SELECT state FROM verdicts ORDER BY since")] == ["flowing", "stuck"]


def test_a_schema_of_an_older_release_is_the_first_thing_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    there = migrate.check_schema()
    monkeypatch.setattr(migrate, "_revisions", lambda: ({there, "9999"}, "9999"))
    found = verdict.look()
    assert found.figures is None and "needs 9999" in found.verdict.cause and "migrate" in found.verdict.action
