"""What comes in, and what is counted of each day."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import Mapped, mapped_column

from nightshift import clock
from nightshift.db.models.base import Base, WithCustomer


class Handoff(WithCustomer, Base):
    """A conversation given to a person."""

    __tablename__ = "handoffs"
    reason: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class DailyAnalytics(Base):
    """What a workspace's day (UTC) held when it was last counted. No row: nothing. Derived, so nothing hangs on it."""

    __tablename__ = "daily_analytics"
    day: Mapped[date] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(primary_key=True)
    conversations: Mapped[int] = mapped_column(BigInteger)
    messages_in: Mapped[int] = mapped_column(BigInteger)
    messages_out: Mapped[int] = mapped_column(BigInteger)
    messages_failed: Mapped[int] = mapped_column(BigInteger)
    handoffs: Mapped[int] = mapped_column(BigInteger)
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
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    day: Mapped[date]
