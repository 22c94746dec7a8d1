"""Credits."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import Mapped, mapped_column

from nightshift import clock
from nightshift.db.models.base import Base, child_of


class LedgerEntry(Base):
    """What changed a balance, once for each `key`: of a grant its month, of a usage the caller's Idempotency-Key."""

    __tablename__ = "ledger"
    workspace_id: Mapped[str] = mapped_column(child_of("workspaces.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]  # grant, usage
    key: Mapped[str]
    amount: Mapped[int] = mapped_column(BigInteger)  # added to the balance: of a usage below zero
    reason: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
