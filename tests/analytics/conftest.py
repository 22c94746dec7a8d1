"""A workspace's rows on any day, and a count of them that shares nothing with the SQL under test."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

import pytest
from owed import Clock

from nightshift import clock, workspaces
from nightshift.analytics import arrivals
from nightshift.analytics.counts import COLUMNS
from nightshift.analytics.daily import daily
from nightshift.db.models import Agent
from nightshift.db.session import statement, transaction
from nightshift.dirty_days import mark


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Some day of a year that no other test counts."""
    time = Clock("2033-03-10T12:00:00+00:00")
    monkeypatch.setattr(clock, "now", time)
    yield time
    for table in ("rolled_days", "dirty_days", "daily_analytics"):
        statement(f"DELETE FROM {table} WHERE day >= '2033-01-01'")


@dataclass
class Company:
    """One workspace with one agent, and what happened in it."""

    id: str
    agent: Agent
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    @classmethod
    def new(cls) -> Self:
        with transaction() as session:
            workspace, agent, _ = workspaces.create(session, "Counted", "x@example.com", 0, 0)
        return cls(workspace.id, agent)

    def inbound(self, at: datetime, customer: str = "c1", channel: str = "SLACK") -> None:
        with transaction() as session:
            arrivals.receive(session, self.id, self.agent.id, channel, customer, "Hello", at)
        self.rows.append(("in", at, customer, channel))

    def outbound(self, at: datetime, status: str, customer: str = "c1", channel: str = "SLACK") -> str:
        """A message as its feature would write it."""
        name = f"msg_{uuid.uuid4().hex}"
        sql = """INSERT INTO messages VALUES (%(id)s, %(w)s, %(a)s, %(channel)s, %(customer)s, 'Hi', %(status)s, '{}', NULL,
                 %(at)s, %(at)s)"""
        bound = dict(id=name, w=self.id, a=self.agent.id, channel=channel, customer=customer, status=status, at=at)
        with transaction() as session:
            session.connection().exec_driver_sql(sql, bound)
            mark(session, at)
        self.rows.append(("out", at, customer, channel, status, name))
        return name

    def settle(self, name: str, status: str) -> None:
        """A message of some day turns SENT or FAILED now."""
        [row] = [r for r in self.rows if r[-1] == name]
        with transaction() as session:
            session.connection().exec_driver_sql("UPDATE messages SET status = %s WHERE id = %s", (status, name))
            mark(session, row[1])
        self.rows[self.rows.index(row)] = (*row[:4], status, name)

    def counted(self, day: date) -> dict[str, int]:
        """By hand."""
        rows = [row for row in self.rows if row[1].astimezone(UTC).date() == day]
        out = [row for row in rows if row[0] == "out"]
        return dict(zip(COLUMNS, (
            len({(row[2], row[3]) for row in rows}),
            len(rows) - len(out),
            sum(row[4] == "SENT" for row in out),
            sum(row[4] == "FAILED" for row in out),
            0, 0, 0,
        ), strict=True))  # fmt: skip

    def shown(self, first: date, last: date) -> dict[date, dict[str, int]]:
        with transaction() as session:
            return {day.pop("day"): day for day in daily(session, self.id, first, last)}

    def stored(self, day: date) -> dict[str, int]:
        sql = f"SELECT {', '.join(COLUMNS)} FROM daily_analytics WHERE workspace_id = %(w)s AND day = %(day)s"
        rows = statement(sql, w=self.id, day=day)
        return rows[0]._asdict() if rows else dict.fromkeys(COLUMNS, 0)

    def days(self) -> list[date]:
        today = clock.now().date()
        return [today - timedelta(days=n) for n in range(8)]


@pytest.fixture
def company(time: Clock) -> Self:
    return Company.new()
