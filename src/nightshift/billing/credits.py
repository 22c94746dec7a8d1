"""A workspace's credits: balance, usage and ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from nightshift import clock, events
from nightshift.db.models import LedgerEntry


@dataclass(frozen=True)
class Usage:
    """Credits after a usage. `low_since`: the ledger entry of this usage, if it took the balance below the threshold."""

    credits: Row[Any]
    low_since: int | None


class NotEnough(Exception):
    """The balance is lower than the amount; nothing was changed."""

    def __init__(self, balance: int) -> None:
        super().__init__(f"{balance} left")
        self.balance = balance


class OtherUsage(Exception):
    """This idempotency key was used for another amount or reason."""


SHOW = text("""
    SELECT coalesce(b.balance, 0) AS balance, w.monthly_grant, w.low_threshold
    FROM workspaces w LEFT JOIN balances b ON b.workspace_id = w.id WHERE w.id = :workspace
""")
# The lock of the balance's row serializes concurrent usages.
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


def show(session: Session, workspace_id: str) -> Row[Any]:
    """A workspace's balance, its monthly_grant, and the low_threshold below which the balance is low."""
    return session.execute(SHOW, {"workspace": workspace_id}).one()


def use(session: Session, workspace_id: str, amount: int, reason: str, key: str) -> Usage:
    """Use `amount` credits, once for each `key`; the same usage again changes nothing. Raises NotEnough and OtherUsage.

    Emits credits_low where the balance crosses the threshold downward, so not again until it has been above.
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
    """The workspace's ledger entries, newest first, with ids below `before`."""
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
    """(workspace_id, balance, total) of each workspace whose balance differs from the sum of its ledger: there should be none."""
    return session.execute(DIFFERENCES).all()
