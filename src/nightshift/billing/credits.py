"""A workspace's credits: how many there are, using some, what changed them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from nightshift import clock, events
from nightshift.db.models import LedgerEntry


@dataclass(frozen=True)
class Credits:
    """What a workspace has, what it gets a month, below what it counts as low."""

    balance: int
    monthly_grant: int
    low_threshold: int


@dataclass(frozen=True)
class Usage:
    """Credits after a use. `low_since`: the ledger entry that took them below the threshold, where it was this use."""

    credits: Credits
    low_since: int | None


class NotEnough(Exception):
    """There are fewer credits than asked for; nothing was changed."""

    def __init__(self, balance: int) -> None:
        super().__init__(f"{balance} left")
        self.balance = balance


class OtherUsage(Exception):
    """This key was used for another amount or reason."""


SHOW = text("""
    SELECT coalesce(b.balance, 0) AS balance, w.monthly_grant, w.low_threshold
    FROM workspaces w LEFT JOIN balances b ON b.workspace_id = w.id WHERE w.id = :workspace
""")
# The row's lock makes concurrent uses queue up: each sees what the one before it left.
USE = text("""
    WITH paid AS (
        UPDATE balances SET balance = balance - :amount WHERE workspace_id = :workspace AND balance >= :amount
        RETURNING balance
    ), entry AS (
        INSERT INTO ledger (workspace_id, kind, key, amount, reason, created_at)
        SELECT :workspace, 'usage', :key, -:amount, :reason, :now FROM paid RETURNING id
    )
    SELECT entry.id, paid.balance FROM paid, entry
""")


def show(session: Session, workspace_id: str) -> Credits:
    return Credits(**session.execute(SHOW, {"workspace": workspace_id}).one()._mapping)


def use(session: Session, workspace_id: str, amount: int, reason: str, key: str) -> Usage:
    """Take `amount` credits, once for each `key`. Raises NotEnough, and OtherUsage for a key that was another use's.

    Where it takes the balance from the threshold or above to below it, it emits credits_low: so once, until the balance
    has been back. The same use again changes nothing.
    """
    if _used(session, workspace_id, amount, reason, key):
        return Usage(show(session, workspace_id), None)
    values = dict(workspace=workspace_id, amount=amount, reason=reason, key=key, now=clock.now())
    used: Row[Any] | None = session.execute(USE, values).one_or_none()
    left = show(session, workspace_id)
    if used is None:
        raise NotEnough(left.balance)
    if not used.balance < left.low_threshold <= used.balance + amount:
        return Usage(left, None)
    low = {"balance": used.balance, "lowThreshold": left.low_threshold}
    events.emit(session, workspace_id, "credits_low", low)
    return Usage(left, used.id)


def _used(session: Session, workspace_id: str, amount: int, reason: str, key: str) -> bool:
    first = select(LedgerEntry.amount, LedgerEntry.reason).where(
        LedgerEntry.workspace_id == workspace_id, LedgerEntry.kind == "usage", LedgerEntry.key == key
    )
    row = session.execute(first).one_or_none()
    if row is not None and tuple(row) != (-amount, reason):
        raise OtherUsage(key)
    return row is not None


def entries(session: Session, workspace_id: str, before: int | None, limit: int) -> Sequence[LedgerEntry]:
    """The workspace's ledger, newest first, from the entry before number `before` on."""
    query = select(LedgerEntry).where(LedgerEntry.workspace_id == workspace_id).order_by(LedgerEntry.id.desc())
    if before is not None:
        query = query.where(LedgerEntry.id < before)
    return session.scalars(query.limit(limit)).all()


DIFFERENCES = text("""
    SELECT coalesce(b.workspace_id, l.workspace_id) AS workspace_id, coalesce(b.balance, 0) AS balance,
           coalesce(l.total, 0) AS total
    FROM balances b FULL JOIN (SELECT workspace_id, sum(amount) AS total FROM ledger GROUP BY 1) l USING (workspace_id)
    WHERE coalesce(b.balance, 0) <> coalesce(l.total, 0) ORDER BY 1
""")


def differences(session: Session) -> Sequence[Row[Any]]:
    """(workspace_id, balance, total) of each workspace whose balance is not its ledger's sum. There should be none."""
    return session.execute(DIFFERENCES).all()
