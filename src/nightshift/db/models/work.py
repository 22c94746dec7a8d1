"""What is owed, and what time owes."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from nightshift import clock
from nightshift.db.models.base import Base


class Work(Base):
    """What is owed: one row for each thing a job must do, whatever Redis remembers. See nightshift.work."""

    __tablename__ = "work"
    __table_args__ = (
        Index(
            "work_unrung",
            "job",
            "workspace_id",
            "due_at",
            "row_id",
            postgresql_where=text("state = 'pending' AND rung_at IS NULL"),
        ),
        Index("work_rung", "job", "workspace_id", postgresql_where=text("state = 'pending' AND rung_at IS NOT NULL")),
        Index("work_leased", "lease_owner", postgresql_where=text("lease_owner IS NOT NULL")),
        Index(
            "work_lane",
            "job",
            "workspace_id",
            "lane",
            "lane_seq",
            postgresql_where=text("state = 'pending' AND lane IS NOT NULL"),
        ),
        Index("work_failed", "job", postgresql_where=text("state = 'failed'")),
    )
    job: Mapped[str] = mapped_column(primary_key=True)
    row_id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(default="")  # '' : of no single workspace
    state: Mapped[str] = mapped_column(default="pending")  # pending, done, failed
    due_at: Mapped[datetime] = mapped_column(default=clock.now)
    generation: Mapped[int] = mapped_column(Integer, default=0)  # of its job in Redis; an older one does nothing
    rung_at: Mapped[datetime | None]  # when that job was put into Redis; None: it has none
    lease_owner: Mapped[str | None]  # the worker that runs it now
    lease_until: Mapped[datetime | None]  # when that worker counts as dead
    runs: Mapped[int] = mapped_column(Integer, default=0)  # started, however they ended
    failures: Mapped[int] = mapped_column(Integer, default=0)  # runs that count against the job's Retry
    deaths: Mapped[int] = mapped_column(Integer, default=0)  # runs whose worker died
    waited_seconds: Mapped[float] = mapped_column(default=0.0)  # at a vendor's request, costing no attempt
    lane: Mapped[str | None]  # rows of one lane go one after the other; all but its head are due at infinity
    lane_seq: Mapped[int | None] = mapped_column(BigInteger)  # the place in it
    give_up_at: Mapped[datetime | None]  # no try is put off beyond this
    error: Mapped[str | None]  # the last failure's sentence
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class Slot(Base):
    """A moment at which a cron entry was due, written with the work it owes. An entry's first row owes none: it says from
    when on the entry counts."""

    __tablename__ = "slots"
    entry: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
