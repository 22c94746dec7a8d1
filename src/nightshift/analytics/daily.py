"""Reads a workspace's daily figures."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from nightshift import clock
from nightshift.analytics.counts import COLUMNS, bounds, fresh
from nightshift.clock import today
from nightshift.db.models import DailyAnalytics, DirtyDay, RolledDay

LIVE = text(fresh(" AND workspace_id = :workspace"))


def daily(session: Session, workspace_id: str, first: date, last: date) -> list[dict[str, Any]]:
    """One item for each day from `first` to `last`, with zeros for days without events.

    Days without a roll-up (today), and days whose rows changed since, are counted now, by the same SQL.
    """
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    open_days = set(days) - _closed(session, first, last)
    mine = (DailyAnalytics.workspace_id == workspace_id, DailyAnalytics.day.in_(days))
    stored = select(DailyAnalytics).where(*mine)
    found: dict[date, Any] = {row.day: row for row in session.scalars(stored) if row.day not in open_days}
    for run in _runs(sorted(open_days)):
        rows = session.execute(LIVE, {"workspace": workspace_id, **bounds(run[0], run[-1])})
        found.update((row.day, row) for row in rows)
    return [{"day": day, **{name: int(getattr(found.get(day), name, 0)) for name in COLUMNS}} for day in days]


def _closed(session: Session, first: date, last: date) -> set[date]:
    """The days between whose stored rows are what a count would give. One that a clock that was ahead has closed is not."""
    late = select(DirtyDay.day).where(DirtyDay.day == RolledDay.day).exists()
    believed = (RolledDay.day < today(), RolledDay.rolled_at <= clock.now())
    return set(session.scalars(select(RolledDay.day).where(RolledDay.day.between(first, last), ~late, *believed)))


def _runs(days: list[date]) -> Iterator[list[date]]:
    """Sorted days, grouped into runs without a gap."""
    for _, run in groupby(enumerate(days), lambda pair: pair[1].toordinal() - pair[0]):
        yield [day for _, day in run]
