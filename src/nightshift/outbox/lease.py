"""The right to work on one row now, and how that work is settled."""

import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from nightshift.db.session import execute, retry_while_disconnected, statement
from nightshift.errors import LeaseLost
from nightshift.outbox import statements
from nightshift.outbox.enqueueing import dispatch, note_enqueued
from nightshift.retry_policy import Failure

RUN_SECONDS = 40.0  # of a job that says nothing else
WRITE_SECONDS = 900.0  # for Postgres to come back, so that what a run ended with is not lost

T = TypeVar("T")


@dataclass(eq=False)
class Lease:
    """The right to work on one row now, as its claim found it. It expires after 30 s unless renewed.

    `queued_seconds`: since the row was due. `give_up_in`: seconds from `begun` in which a retry may start. `ends`: when the
    work should be over, in monotonic seconds. `writing`: its end is being written. `hand_over`: the statement and the bound
    by which the end of this row also takes the next one of its workspace; those end in `successors`. `settled`: its end is
    committed.
    """

    job: str
    row_id: str
    workspace_id: str
    generation: int
    owner: str
    runs: int
    failures: int
    waited_seconds: float
    traceparent: str | None = None
    queued_seconds: float = 0.0
    give_up_in: float | None = None
    begun: float = field(default_factory=time.monotonic)
    ends: float = field(default_factory=lambda: time.monotonic() + RUN_SECONDS)
    writing: bool = False
    hand_over: tuple[str, int] | None = None
    successors: Sequence[Any] = ()
    settled: bool = False

    def named(self) -> dict[str, Any]:
        """What tells this lease from every other one, as parameters of a statement."""
        return dict(job=self.job, row_id=self.row_id, generation=self.generation)

    def fence(self, session: Session) -> None:
        """Lock the row for this transaction. Raises LeaseLost."""
        self._execute(session, statements.FENCE)

    def renew(self) -> None:
        """Another 30 s, if the lease is still there."""
        statement(statements.RENEW, durable=False, **self.named())

    def write(self, act: Callable[[], T]) -> T:
        """What `act` returns: it writes what the run has done, which is tried again for as long as Postgres is away."""
        self.writing = True
        try:
            return retry_while_disconnected(act, time.monotonic() + WRITE_SECONDS)
        finally:
            self.writing = False

    def finish(self, session: Session) -> None:
        """The row is done when the caller's transaction commits. Raises LeaseLost."""
        self._settle(session, statements.FINISH)

    def finish_by(self, effect: str | None = None, **values: Any) -> None:
        """The row is done by one round trip, which is repeated while Postgres is away. Raises LeaseLost.

        `effect`: a SELECT or data-modifying statement, or further parts of a WITH, that reads `mine`, which holds `row_id`
        while the lease is there.
        """
        sql = f"WITH mine AS ({statements.FINISH}) {effect or 'SELECT 1'}"
        next_sql, bound = self.hand_over or (statements.FINISHED, 0)
        values |= self.named()
        more: dict[str, Any] = dict(workspace=self.workspace_id, bound=bound) if self.hand_over else {}
        try:
            found = self.write(lambda: statement(sql, next_sql, **values, **more))
        except DBAPIError:
            if self.hand_over is None:
                raise
            self.hand_over = None  # what cannot be read of the next row must not undo the end of this one
            self.finish_by(effect, **values)
            return
        if not found or not found[0].finished:
            raise LeaseLost(f"{self.job} {self.row_id}")
        self.settled, self.successors = True, [row for row in found if row.row_id is not None]
        if self.hand_over is None:
            dispatch([(self.job, self.workspace_id)])

    def fail(self, session: Session, failure: Failure) -> None:
        """The run failed: due again in `failure.retry_in` seconds, or FAILED. Raises LeaseLost."""
        values = dict(failures=failure.failures, waited_seconds=failure.waited_seconds, error=failure.sentence)
        self._settle(session, statements.FAIL, retry_in=failure.seconds_left(), **values)

    def release(self, session: Session, due_at: datetime | None = None) -> None:
        """The run did not happen: due again at `due_at` (None: now), no attempt used. Raises LeaseLost."""
        self._settle(session, statements.RELEASE, due_at=due_at)

    def lock_expired(self, session: Session, owner: str | None) -> bool:
        """Lock the row, if this lease is still one of `owner`, a worker known to be dead, or, without a name, expired."""
        bound = {**self.named(), "owner": owner}
        return session.connection().exec_driver_sql(statements.STILL_EXPIRED, bound).one_or_none() is not None

    def count_death(self, session: Session) -> int:
        """The worker of this lease died: how often that has happened to this row. Raises LeaseLost."""
        return int(self._execute(session, statements.COUNT_DEATH))

    def _settle(self, session: Session, sql: str, **values: Any) -> None:
        self._execute(session, sql, **values)
        session.info.setdefault("settled", []).append(self)
        note_enqueued(session, self.job, self.workspace_id)

    def _execute(self, session: Session, sql: str, **values: Any) -> Any:
        row = session.connection().exec_driver_sql(sql, {**self.named(), **values}).one_or_none()
        if row is None:
            raise LeaseLost(f"{self.job} {self.row_id}")
        return row[0]


_current: ContextVar[Lease | None] = ContextVar("lease", default=None)
held: list[Lease] = []  # what this process works on: the heartbeat renews it


def current_lease() -> Lease:
    """The lease under which the calling job runs. Raises RuntimeError outside of a job."""
    lease = _current.get()
    if lease is None:
        raise RuntimeError("There is no lease outside of a job.")
    return lease


@contextmanager
def holding(lease: Lease) -> Iterator[None]:
    """For the time of the block this is the current lease, and the heartbeat renews it."""
    token = _current.set(lease)
    held.append(lease)
    try:
        yield
    finally:
        held.remove(lease)
        _current.reset(token)


def claim(job: str, row_id: str, generation: int, owner: str) -> Lease | None:
    """The lease on a dispatched row, counted as a run; None where there is nothing to do: it is done, gone, someone else's,
    or was dispatched again since. A claim that Postgres loses in a crash leaves a lease that settles nothing."""
    rows = statement(statements.CLAIM, durable=False, job=job, row_id=row_id, generation=generation, owner=owner)
    return Lease(job, row_id, owner=owner, **rows[0]._asdict()) if rows else None


def claim_here(session: Session, job: str, row_id: str) -> Lease | None:
    """As `claim`, by this very process and in the caller's transaction, so that no worker gets the row."""
    owner = f"{statements.DIRECT}{socket.gethostname()}-{os.getpid()}"
    rows = execute(session, statements.CLAIM_HERE, job=job, row_id=row_id, owner=owner)
    return Lease(job, row_id, owner=owner, **rows[0]._asdict()) if rows else None


def expired(owner: str | None) -> list[Lease]:
    """The leases of `owner`, a worker known to be dead; without a name, those that have expired."""
    return [Lease(**row._asdict()) for row in statement(statements.EXPIRED, owner=owner)]
