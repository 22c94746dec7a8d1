"""Credits."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from nightshift import clock
from nightshift.db.models.base import Base, child_of


class Balance(Base):
    """A workspace's credits: the sum of its ledger, changed in the statement that writes there. No row: none yet."""

    __tablename__ = "balances"
    workspace_id: Mapped[str] = mapped_column(child_of("workspaces.id"), primary_key=True)
    balance: Mapped[int] = mapped_column(BigInteger)  # never below zero, by constraint


class LedgerEntry(Base):
    """What changed a balance, once for each `key`: of a grant its month, of a usage the caller's Idempotency-Key."""

    __tablename__ = "ledger"
    __table_args__ = (
        UniqueConstraint("workspace_id", "kind", "key"),
        Index("ledger_created_at", "created_at", postgresql_using="brin"),
        Index("ledger_usage", "workspace_id", "created_at", postgresql_where=text("kind = 'usage'")),
    )
    workspace_id: Mapped[str] = mapped_column(child_of("workspaces.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]  # grant, usage
    key: Mapped[str]
    amount: Mapped[int] = mapped_column(BigInteger)  # added to the balance: of a usage below zero
    reason: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
