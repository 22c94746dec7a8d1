"""The right to do one row's work now, and how it ends."""

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from nightshift import clock
from nightshift.db.models import Work
from nightshift.db.session import patiently, statement
from nightshift.errors import LeaseLost
from nightshift.judging import Failure

LEASE = timedelta(seconds=30)  # renewed every 10 s; with a sweep every 15 s a dead machine's job runs within 60 s
FREE_DEATHS = 2  # a worker may die twice under a row (deploys, machines) before its death counts as the row's failure
CRASHED = "The worker stopped unexpectedly while working on it, more than once."

CLAIM = """
    UPDATE work SET lease_owner = %(owner)s, lease_until = %(until)s, runs = runs + 1, updated_at = %(now)s
    WHERE job = %(job)s AND row_id = %(row_id)s AND state = 'pending' AND due_at < 'infinity'
          AND (lease_owner IS NULL OR lease_owner = %(owner)s)
          AND (%(generation)s::int IS NULL OR generation = %(generation)s)
    RETURNING workspace_id, generation, runs, failures, waited_seconds, give_up_at
"""
RENEW = """
    UPDATE work SET lease_until = %(until)s
    WHERE job = %(job)s AND row_id = %(row_id)s AND generation = %(generation)s AND lease_owner = %(owner)s
"""
# Out of the lease's hands, with whatever the row becomes.
LEAVE = """
    UPDATE work SET lease_owner = NULL, lease_until = NULL, updated_at = %(now)s, {changes}
    WHERE job = %(job)s AND row_id = %(row_id)s AND generation = %(generation)s AND lease_owner = %(owner)s
    RETURNING row_id
"""
DONE = "state = 'done', rung_at = NULL, error = NULL"


@dataclass(frozen=True)
class Lease:
    """The right to do one row's work now. It lapses after 30 s unless renewed."""

    job: str
    row_id: str
    workspace_id: str
    generation: int
    owner: str
    runs: int
    failures: int
    waited_seconds: float
    give_up_at: datetime | None = None

    @classmethod
    def of(cls, row: Work) -> "Lease":
        return cls(
            row.job, row.row_id, row.workspace_id, row.generation, row.lease_owner or "",
            row.runs, row.failures, row.waited_seconds, row.give_up_at,
        )  # fmt: skip

    def _mine(self) -> tuple[Any, ...]:
        return (
            Work.job == self.job,
            Work.row_id == self.row_id,
            Work.generation == self.generation,
            Work.lease_owner == self.owner,
        )

    def fence(self, session: Session) -> None:
        """Lock the row for this transaction. Raises LeaseLost where the lease is gone."""
        if session.scalar(select(Work.row_id).where(*self._mine()).with_for_update()) is None:
            raise LeaseLost(f"{self.job} {self.row_id}")

    def renew(self) -> None:
        """Another 30 s, if the lease is still there."""
        statement(RENEW, durable=False, **self.named(), until=clock.now() + LEASE)

    def named(self) -> dict[str, Any]:
        """What tells this lease from every other, as parameters of a statement."""
        return dict(job=self.job, row_id=self.row_id, generation=self.generation, owner=self.owner)

    def finish(self, session: Session) -> None:
        """The work is done, in the transaction that did it. Raises LeaseLost."""
        self._leave(session, DONE)

    def finish_by(self, effect: str, until: float | None = None, **values: Any) -> None:
        """The work is done by one SQL statement, in one round trip. While Postgres is away it is tried again, `until` then.

        `effect` reads `mine`, which holds `row_id` while the lease does, and returns a row where it took place. Raises
        LeaseLost where it did not.
        """
        sql = f"WITH mine AS ({LEAVE.format(changes=DONE)}) {effect}"
        if not patiently(lambda: statement(sql, **self.named(), now=clock.now(), **values), until):
            raise LeaseLost(f"{self.job} {self.row_id}")

    def fail(self, session: Session, failure: Failure, *, keep_job: bool = False) -> None:
        """The run failed: due again at `failure.retry_at`, or failed for good. Raises LeaseLost.

        `keep_job`: its job in Redis will run it again; otherwise it is rung anew when due.
        """
        values = dict(failures=failure.failures, waited_seconds=failure.waited_seconds, error=failure.sentence)
        changes = "failures = %(failures)s, waited_seconds = %(waited_seconds)s, error = %(error)s"
        if failure.retry_at is None:
            self._leave(session, f"state = 'failed', rung_at = NULL, {changes}", **values)
        else:
            keep = "" if keep_job else "rung_at = NULL, "
            self._leave(session, f"due_at = %(due_at)s, {keep}{changes}", due_at=failure.retry_at, **values)

    def give_back(self, session: Session, due_at: datetime | None = None) -> None:
        """Not done, and nobody's fault: due again at `due_at` (None: now), no attempt used. Raises LeaseLost."""
        self._leave(session, "rung_at = NULL, due_at = coalesce(%(due_at)s, due_at)", due_at=due_at)

    def _leave(self, session: Session, changes: str, **values: object) -> None:
        bound = {**self.named(), "now": clock.now(), **values}
        if not session.connection().exec_driver_sql(LEAVE.format(changes=changes), bound).rowcount:
            raise LeaseLost(f"{self.job} {self.row_id}")


def claim(job: str, row_id: str, owner: str, generation: int | None = None) -> Lease | None:
    """The lease on a pending row, counted as a run; None where there is nothing to do: it is done, gone, someone else's,
    not the head of its lane, or `generation` (None: any) is not its newest job. An owner may claim again what it has: it
    did not hear of it. A claim that Postgres loses in a crash was made by a worker whose last word it will not take."""
    rows = statement(CLAIM, durable=False, **_claimed(job, row_id, owner, generation))
    return Lease(job, row_id, owner=owner, **rows[0]._asdict()) if rows else None


def claim_within(session: Session, job: str, row_id: str) -> Lease | None:
    """As `claim`, by this very process and in the caller's transaction, so that nobody else gets it."""
    owner = local_owner()
    row = session.connection().exec_driver_sql(CLAIM, _claimed(job, row_id, owner, None)).one_or_none()
    return Lease(job, row_id, owner=owner, **row._asdict()) if row else None


def local_owner() -> str:
    """The name under which a process that is no worker holds leases."""
    return f"direct-{socket.gethostname()}-{os.getpid()}"


def _claimed(job: str, row_id: str, owner: str, generation: int | None) -> dict[str, Any]:
    now = clock.now()
    return dict(job=job, row_id=row_id, owner=owner, generation=generation, now=now, until=now + LEASE)


def lapsed(session: Session, owner: str | None = None) -> list[Lease]:
    """Lock and return the leases of `owner`, a worker known to be dead; without a name, those whose time is up."""
    dead = Work.lease_owner == owner if owner else Work.lease_until < clock.now()
    rows = session.scalars(select(Work).where(Work.lease_owner.is_not(None), dead).with_for_update(skip_locked=True))
    return [Lease.of(row) for row in rows]


def count_death(session: Session, lease: Lease) -> int:
    """The worker of this lease died: how often that has happened to this row."""
    died = update(Work).where(*lease._mine()).values(deaths=Work.deaths + 1).returning(Work.deaths)
    return int(session.execute(died).scalar_one())


def waiting_in_redis(session: Session, job: str, workspace_id: str) -> int:
    """How many of a workspace's rows wait in Redis for a later time. Those beyond a bound wait here and are rung anew."""
    waiting = select(func.count()).where(
        Work.job == job, Work.workspace_id == workspace_id, Work.state == "pending",
        Work.rung_at.is_not(None), Work.lease_owner.is_(None), Work.due_at > clock.now(),
    )  # fmt: skip
    return session.scalar(waiting) or 0
