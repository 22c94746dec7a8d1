"""The daily roll-up: a day of all workspaces in one statement, which replaces what it finds."""

import re
from contextlib import suppress
from datetime import date

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from nightshift import clock
from nightshift.analytics.counts import COLUMNS, bounds, fresh
from nightshift.clock import today
from nightshift.db.models import DirtyDay
from nightshift.db.session import transaction
from nightshift.outbox import Lease

DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

# One after the other: a count that began earlier must not overwrite a later one's. With room to group a day's rows in memory:
# only one worker does this.
QUEUE_UP = text("""
    SET LOCAL work_mem = '64MB';
    SELECT pg_advisory_xact_lock(hashtextextended('recount ' || :day, 0))
""")
# One statement sees one state of the database: the marks it takes away are those whose rows it counts, and a mark that
# is committed meanwhile stays. What was counted once and is not there any more goes.
RECOUNT = """
    WITH seen AS (
        DELETE FROM dirty_days WHERE day = :day
    ), rolled AS (
        INSERT INTO rolled_days (day, rolled_at) SELECT :day, :now WHERE :day < :today
        ON CONFLICT (day) DO UPDATE SET rolled_at = excluded.rolled_at
    ), fresh AS ({fresh}), gone AS (
        DELETE FROM daily_analytics AS d
        WHERE day = :day AND NOT EXISTS (SELECT FROM fresh WHERE fresh.workspace_id = d.workspace_id)
    )
    INSERT INTO daily_analytics AS d (day, workspace_id, {columns})
    SELECT day, workspace_id, {columns} FROM fresh
    ON CONFLICT (day, workspace_id) DO UPDATE SET ({columns}) = ({excluded}) WHERE ({d}) IS DISTINCT FROM ({excluded})
"""
_COLUMNS = {of: ", ".join(f"{of}.{name}" for name in COLUMNS) for of in ("excluded", "d")}
_RECOUNT = text(RECOUNT.format(fresh=fresh(), columns=", ".join(COLUMNS), **_COLUMNS))


def check_day(day: str) -> None:
    """Raises ValueError for anything but a day (UTC) that is over, as 2026-11-24."""
    is_over = False
    with suppress(ValueError):
        is_over = DAY.fullmatch(day) is not None and date.fromisoformat(day) < today()
    if not is_over:
        raise ValueError(f"day: must be a day that is over, like 2026-11-24, not {day[:40]!r}")


def roll_up(lease: Lease) -> None:
    """Count the lease's day (2026-11-24), and again each dirty day.

    Each transaction looks for the lease last: a worker that lost it rolls back, and the heartbeat that renews it is not
    held up while rows are counted.
    """
    own = date.fromisoformat(lease.row_id)
    for day in _dirty_days(own):
        with transaction() as session:
            recount(session, day)
            lease.fence(session)
    with transaction() as session:
        recount(session, own)
        lease.finish(session)


def recount(session: Session, day: date) -> None:
    """Make the rows of `day` what a count of this moment gives."""
    session.execute(QUEUE_UP, {"day": day.isoformat()})
    session.execute(_RECOUNT, {"day": day, "now": clock.now(), "today": today(), **bounds(day, day)})


def _dirty_days(own: date) -> list[date]:
    with transaction() as session:
        days = select(DirtyDay.day).where(DirtyDay.day != own, DirtyDay.day < today()).distinct().order_by(DirtyDay.day)
        return list(session.scalars(days))
