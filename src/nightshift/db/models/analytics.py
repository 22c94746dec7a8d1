"""What comes in, and what is counted of each day."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from nightshift import clock
from nightshift.db.models.base import Base, WithCustomer, child_of


class InboundMessage(WithCustomer, Base):
    """What a customer wrote, at the moment the caller says."""

    __tablename__ = "inbound_messages"
    __table_args__ = (
        Index(None, "workspace_id", "at"),
        Index("inbound_messages_customer", "workspace_id", "channel_type", "customer_id", "at"),
        Index("inbound_messages_channel", "workspace_id", "channel_type", "at"),
        Index("inbound_messages_at", "at", postgresql_using="brin"),
    )
    content: Mapped[str]
    at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Handoff(WithCustomer, Base):
    """A conversation given to a person."""

    __tablename__ = "handoffs"
    __table_args__ = (
        Index(None, "workspace_id", "created_at"),
        Index("handoffs_created_at", "created_at", postgresql_using="brin"),
    )
    reason: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class _Counts:
    conversations: Mapped[int] = mapped_column(BigInteger)
    messages_in: Mapped[int] = mapped_column(BigInteger)
    messages_out: Mapped[int] = mapped_column(BigInteger)
    messages_failed: Mapped[int] = mapped_column(BigInteger)
    handoffs: Mapped[int] = mapped_column(BigInteger)


class DailyAnalytics(_Counts, Base):
    """What a workspace's day (UTC) held when it was last counted. No row: nothing. Derived, so nothing hangs on it."""

    __tablename__ = "daily_analytics"
    day: Mapped[date] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(primary_key=True)
    credits_used: Mapped[int] = mapped_column(BigInteger)
    docs_ready: Mapped[int] = mapped_column(BigInteger)


class RolledDay(Base):
    """A day that was counted when it was over."""

    __tablename__ = "rolled_days"
    day: Mapped[date] = mapped_column(primary_key=True)
    rolled_at: Mapped[datetime]


class DirtyDay(Base):
    """A row of this day came or changed after the day was over: it will be counted again. See nightshift.dirty_days."""

    __tablename__ = "dirty_days"
    __table_args__ = (Index("dirty_days_day", "day"),)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    day: Mapped[date]


class DeletedCounts(_Counts, Base):
    """What a workspace's day (UTC) had of rows that were deleted since: every count includes it."""

    __tablename__ = "deleted_counts"
    day: Mapped[date] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(child_of("workspaces.id"), primary_key=True)
