"""Enqueues rows in the caller's transaction, and has them dispatched when it commits."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import delete as sql_delete
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from nightshift import tracing
from nightshift.db.models import Outbox
from nightshift.db.session import execute
from nightshift.outbox import statements

Pair = tuple[str, str]  # job, workspace id
ROW_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)  # what RQ takes as part of a job's id

_on_commit: list[Callable[[Iterable[Pair]], object]] = []


def enqueue(
    session: Session,
    job: str,
    row_id: str,
    workspace_id: str,
    *,
    lane: str | None = None,
    due_in: float = 0.0,
    due_at: datetime | None = None,
    row: tuple[str, dict[str, Any]] = ("", {}),
) -> None:
    """Enqueue this row with all its attempts; it is dispatched once the caller's transaction commits.

    It is due in `due_in` seconds, and not before `due_at`, a moment read from Postgres. A run that is under way loses its
    lease and leaves no trace. In a `lane` it runs after all rows that are there. `row`: SQL and its parameters, which write
    the row itself in the same round trip. Raises ValueError for a row id that RQ does not take.
    """
    if not ROW_ID.fullmatch(row_id):
        raise ValueError(f"row_id: must be 1 to 100 letters, digits, '_' or '-': {row_id[:100]!r}")
    tracing.add_id("row", row_id)
    values: dict[str, Any] = dict(
        job=job, row_id=row_id, workspace=workspace_id, lane=lane, due_in=due_in, due_at=due_at,
        traceparent=tracing.traceparent(),
    )  # fmt: skip
    steps = [row[0], statements.JOIN_LANE if lane is not None else "", statements.ENQUEUE]
    execute(session, *filter(None, steps), **row[1] | values)
    note_enqueued(session, job, workspace_id)


def delete(session: Session, job: str, row_id: str) -> None:
    """Remove the row. A run that is under way loses its lease."""
    gone = sql_delete(Outbox).where(Outbox.job == job, Outbox.row_id == row_id).returning(Outbox.workspace_id)
    for workspace_id in session.scalars(gone).all():
        note_enqueued(session, job, workspace_id)


def reopen(session: Session, job: str, row_id: str) -> None:
    """A row that is done or waits for its time runs now, with the attempts that are left."""
    _changed(session, statements.REOPEN, job=job, row_id=row_id)


def settle(session: Session, job: str, row_id: str, error: str | None = None) -> None:
    """The row is done, or failed with `error`, without a run. One that is running is left alone."""
    _changed(session, statements.SETTLE, job=job, row_id=row_id, error=error)


def postpone(session: Session, job: str, workspace_id: str, lanes: str, until: datetime) -> None:
    """Rows that are due before `until`, in lanes whose name begins with `lanes`, are due then, or when their hour ends."""
    values = dict(job=job, workspace=workspace_id, lanes=lanes, until=until)
    session.execute(text(statements.POSTPONE), values)


def advance(session: Session, job: str, workspace_id: str, lanes: str, until: datetime) -> None:
    """Rows in such lanes that wait for a moment up to `until` are due now."""
    values = dict(job=job, workspace=workspace_id, lanes=lanes, until=until)
    session.execute(text(statements.ADVANCE), values)
    note_enqueued(session, job, workspace_id)


def on_commit(act: Callable[[Iterable[Pair]], object]) -> None:
    """Have `act(pairs)` called after each commit that left something to dispatch. Without it a worker finds it."""
    _on_commit[:] = [act]


def note_enqueued(session: Session, job: str, workspace_id: str) -> None:
    """Have this (job, workspace) dispatched when the session commits."""
    session.info.setdefault("enqueued", {})[job, workspace_id] = None


def dispatch(pairs: Iterable[Pair]) -> None:
    """After a commit: have these dispatched."""
    for act in _on_commit:
        act(pairs)


def _changed(session: Session, sql: str, **values: Any) -> None:
    for workspace_id in session.scalars(text(sql), values).all():
        note_enqueued(session, values["job"], workspace_id)


@event.listens_for(Session, "after_commit")
def _committed(session: Session) -> None:
    if session.in_nested_transaction():  # a savepoint was released: nothing is committed yet
        return
    for lease in session.info.pop("settled", ()):
        lease.settled = True
    if pairs := session.info.pop("enqueued", None):
        dispatch(pairs)


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop("settled", None)
    session.info.pop("enqueued", None)
