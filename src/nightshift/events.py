"""The events of a workspace: written with their cause, read in order."""

from typing import Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from nightshift.db.models import Event
from nightshift.settings import settings

KEPT_DAYS = 7
CHANNEL = "nightshift_events"  # NOTIFY carries the workspace's id, at the moment of the commit


# `emit` as a part of a statement's WITH, for the rows (workspace_id) of `cause`.
EMIT = """
    emitted AS (
        INSERT INTO events (workspace_id, name, data, created_at)
        SELECT workspace_id, %(event)s::text, %(data)s::jsonb, %(now)s::timestamptz FROM cause
    )
"""


def emit(session: Session, workspace_id: str, name: str, data: dict[str, Any]) -> None:
    """Write one event into the caller's transaction and wake its readers when that commits.

    A trigger numbers it, under a lock of the workspace's events that is held until the commit. Call it last.
    """
    session.execute(insert(Event).values(workspace_id=workspace_id, name=name, data=data))


def newest(session: Session, workspace_id: str) -> int:
    """The number of the workspace's newest event, 0 where there is none."""
    return session.scalar(select(func.max(Event.seq)).where(Event.workspace_id == workspace_id)) or 0


def after(session: Session, workspace_id: str, seq: int) -> list[Event]:
    """At most 500 events with a higher number than `seq`, oldest first. Of a deleted one its number alone may be left."""
    newer = (Event.workspace_id == workspace_id, Event.seq > seq, Event.name != "")
    return list(session.scalars(select(Event).where(*newer).order_by(Event.seq).limit(500)))


def prune(session: Session) -> None:
    """Drop events and remembered answers older than a week, or than RETENTION_DAYS: a stream resumes after a week's absence,
    not after a year's. Of a workspace's newest event its number stays."""
    old = "created_at < now() - make_interval(days => :days)"
    newer = "EXISTS (SELECT FROM events n WHERE n.workspace_id = e.workspace_id AND n.seq > e.seq)"
    days = {"days": min(KEPT_DAYS, settings().retention_days or KEPT_DAYS)}
    session.execute(text(f"DELETE FROM events e WHERE {old} AND (e.name <> '' OR {newer})"), days)  # noqa: S608 constants
    session.execute(text(f"DELETE FROM idempotency_keys WHERE {old}"), days)  # noqa: S608 a constant
