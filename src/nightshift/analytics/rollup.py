"""The daily roll-up: a day of all workspaces in one statement, which replaces what it finds."""

from datetime import date

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from nightshift import clock
from nightshift.analytics.counts import COLUMNS, bounds, fresh
from nightshift.db.models import LateRow
from nightshift.db.session import transaction
from nightshift.late import today
from nightshift.work import Lease

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
        DELETE FROM late_rows WHERE day = :day
    ), rolled AS (
        INSERT INTO rolled_days (day, rolled_at) SELECT :day, :now WHERE :day < :today
        ON CONFLICT (day) DO UPDATE SET rolled_at = excluded.rolled_at
    ), fresh AS ({fresh}), gone AS (
        DELETE FROM daily_analytics AS d
        WHERE day = :day AND NOT EXISTS (SELECT FROM fresh WHERE fresh.workspace_id = d.workspace_id)
    )
    INSERT INTO daily_analytics AS d (day, workspace_id, {columns})
    SELECT day, workspace_id, {columns} FROM fresh
    ON CONFLICT (day, workspace_id) DO UPDATE SET ({columns}) = ({excluded}) WHERE ({ours}) IS DISTINCT FROM ({excluded})
"""
_RECOUNT = text(
    RECOUNT.format(
        fresh=fresh(),
        columns=", ".join(COLUMNS),
        excluded=", ".join(f"excluded.{name}" for name in COLUMNS),
        ours=", ".join(f"d.{name}" for name in COLUMNS),
    )
)


def roll_up(lease: Lease) -> None:
    """Count the lease's day (2026-11-24), and again each day that is over and got late rows.

    The lease is asked for last in each transaction: whoever lost it rolls back, and the heartbeat that keeps it is not
    held up while rows are counted.
    """
    own = date.fromisoformat(lease.row_id)
    for day in _late_days(own):
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


def _late_days(own: date) -> list[date]:
    with transaction() as session:
        days = select(LateRow.day).where(LateRow.day != own, LateRow.day < today()).distinct().order_by(LateRow.day)
        return list(session.scalars(days))
