"""The outbox, and the slots of the schedule."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from nightshift.db.models.base import Base, child_of


class Outbox(Base):
    """One row for each thing a job has to do, whatever Redis remembers. See nightshift.outbox for the states."""

    __tablename__ = "outbox"
    job: Mapped[str] = mapped_column(primary_key=True)
    row_id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str]  # '' : of no single workspace
    state: Mapped[str]  # pending, dispatched, running, blocked, done, failed
    due_at: Mapped[datetime]
    # Promise 2: raised by each dispatch; it names the job in Redis and fences the lease, so that neither an older job nor a
    # worker that was thought dead settles the row.
    generation: Mapped[int] = mapped_column(Integer)
    dispatched_at: Mapped[datetime | None]
    lease_owner: Mapped[str | None]  # the worker that runs it now
    lease_until: Mapped[datetime | None]  # when that worker counts as dead
    runs: Mapped[int] = mapped_column(Integer)  # started, however they ended
    failures: Mapped[int] = mapped_column(Integer)  # runs that count against the job's Retry
    deaths: Mapped[int] = mapped_column(Integer)  # runs whose worker died
    waited_seconds: Mapped[float]  # at a provider's request, costing no attempt
    lane: Mapped[str | None]  # rows of one lane run one after the other
    lane_seq: Mapped[int | None] = mapped_column(BigInteger)  # the order in it
    give_up_at: Mapped[datetime | None]  # no retry starts after this
    error: Mapped[str | None]  # the last failure's sentence
    traceparent: Mapped[str | None]  # of the request that enqueued it
    updated_at: Mapped[datetime]


class Retry(Base):
    """A FAILED row that is enqueued again at a time of its own. It is void once the row's generation is another one: then
    someone has retried it already."""

    __tablename__ = "retries"
    job: Mapped[str] = mapped_column(primary_key=True)
    row_id: Mapped[str] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime]


class Pause(Base):
    """Rows that are not dispatched for now: of some jobs, in all workspaces or in one there in some lanes."""

    __tablename__ = "pauses"
    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str | None] = mapped_column(child_of("workspaces.id"))  # None: all
    queue: Mapped[str | None]  # for people, as the channel's type
    channel_type: Mapped[str | None]
    jobs: Mapped[list[str]] = mapped_column(ARRAY(Text))
    lanes: Mapped[str | None]  # how a lane's name begins; None: all
    reason: Mapped[str]
    since: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class Slot(Base):
    """A time at which a cron entry was due, written with the row it enqueued. An entry's first slot enqueues nothing: it says
    from when on the entry counts."""

    __tablename__ = "slots"
    entry: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
