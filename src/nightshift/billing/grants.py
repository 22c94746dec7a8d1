"""Monthly credits: one grant for each workspace and month, by constraint, however often it is started."""

import re
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from nightshift import clock
from nightshift.clock import start_of, today
from nightshift.db.session import statement, transaction
from nightshift.outbox import Lease

BATCH = 10_000  # workspaces: who uses credits meanwhile waits for one batch, well under a second

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)

# Ledger and balances in one statement. What was granted before is left out by the ledger's UNIQUE constraint.
GRANT = """
    WITH batch AS (
        SELECT id, monthly_grant FROM workspaces WHERE created_at < %(end)s AND {which}
    ), granted AS (
        INSERT INTO ledger (workspace_id, kind, key, amount, reason, created_at)
        SELECT id, 'grant', %(month)s, monthly_grant, 'Monthly credits', %(now)s FROM batch WHERE monthly_grant > 0
        ON CONFLICT (workspace_id, kind, key) DO NOTHING RETURNING workspace_id, amount
    ), paid AS (
        INSERT INTO balances AS b SELECT workspace_id, amount FROM granted
        ON CONFLICT (workspace_id) DO UPDATE SET balance = b.balance + excluded.balance
    )
    SELECT max(id) AS last FROM batch
"""
GRANT_ONE = GRANT.format(which="id = %(workspace)s")
GRANT_BATCH = GRANT.format(which="id > %(after)s ORDER BY id LIMIT %(size)s")


def check_month(month: str) -> None:
    """Raises ValueError for anything but a month that has begun (UTC), as 2026-11."""
    if not MONTH.fullmatch(month) or month > f"{today():%Y-%m}":
        raise ValueError(f"month: must be a month that has begun, like 2026-11, not {month[:40]!r}")


def grant_month(lease: Lease) -> None:
    """Grant the lease's month (2026-11) to every workspace that was there before it ended, a batch at a time.

    Stopped or killed in the middle, it goes on where the ledger says.
    """
    after: str | None = ""
    values = _values(lease.row_id)
    while after is not None:
        after = statement(GRANT_BATCH, after=after, size=BATCH, **values)[0].last
    with transaction() as session:
        lease.finish(session)


def grant_this_month(session: Session, workspace_id: str) -> None:
    """A workspace made in the middle of a month has that month's credits from the start."""
    bound = {"workspace": workspace_id, **_values(f"{today():%Y-%m}")}
    session.connection().exec_driver_sql(GRANT_ONE, bound)


def _values(month: str) -> dict[str, Any]:
    return dict(month=month, end=_end_of(month), now=clock.now())


def _end_of(month: str) -> datetime:
    first = date.fromisoformat(f"{month}-01")
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return start_of(following)
