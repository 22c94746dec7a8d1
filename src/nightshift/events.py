"""The events of a workspace: written with their cause, read in order."""

from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from nightshift.db.models import Event, Workspace

CHANNEL = "nightshift_events"  # NOTIFY carries the workspace's id, at the moment of the commit


# `emit` as a part of a statement's WITH, for the rows (workspace_id) of `cause`; its last SELECT has to read `woken`.
EMIT = f"""
    numbered AS (
        UPDATE workspaces SET event_seq = event_seq + 1 FROM cause WHERE workspaces.id = cause.workspace_id
        RETURNING workspaces.id, event_seq
    ), emitted AS (
        INSERT INTO events (workspace_id, seq, name, data, created_at)
        SELECT id, event_seq, %(event)s::text, %(data)s::jsonb, %(now)s::timestamptz FROM numbered
    ), woken AS (
        SELECT pg_notify('{CHANNEL}', id) FROM numbered
    )
"""  # noqa: S608 a constant


def emit(session: Session, workspace_id: str, name: str, data: dict[str, Any]) -> None:
    """Write one event into the caller's transaction and wake its readers when that commits.

    The number is taken under the workspace's row lock, so numbers commit in order and a reader of "after n" skips
    none. Call it last: the lock is held until the commit.
    """
    number = (
        update(Workspace)
        .where(Workspace.id == workspace_id)
        .values(event_seq=Workspace.event_seq + 1)
        .returning(Workspace.event_seq)
    )
    seq = session.execute(number).scalar_one()
    session.add(Event(workspace_id=workspace_id, seq=seq, name=name, data=data))
    session.flush()
    session.execute(text("SELECT pg_notify(:channel, :workspace)"), {"channel": CHANNEL, "workspace": workspace_id})


def newest(session: Session, workspace_id: str) -> int:
    """The number of the workspace's newest event, 0 where there is none."""
    return session.scalar(select(Workspace.event_seq).where(Workspace.id == workspace_id)) or 0


def after(session: Session, workspace_id: str, seq: int, limit: int = 500) -> list[Event]:
    """At most `limit` events with a higher number than `seq`, oldest first."""
    newer = select(Event).where(Event.workspace_id == workspace_id, Event.seq > seq).order_by(Event.seq).limit(limit)
    return list(session.scalars(newer))


def prune(session: Session, days: int = 7) -> None:
    """Drop events and remembered answers older than `days`: a stream resumes after a week's absence, not after a year's."""
    for table in ("events", "idempotency_keys"):
        session.execute(
            text(f"DELETE FROM {table} WHERE created_at < now() - make_interval(days => :days)"),  # noqa: S608 two constants
            {"days": days},
        )
