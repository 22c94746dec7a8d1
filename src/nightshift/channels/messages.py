"""Messages as their owner sees them: accept, show, list, send again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from nightshift import clock, events, late, work
from nightshift.channels.accounts import JOB
from nightshift.db.models import ChannelAccount, Message, MessageAttempt
from nightshift.ids import new_id
from nightshift.judging import Failure
from nightshift.work import Lease

STATUSES = ("SENDING", "RETRYING", "SENT", "FAILED")


@dataclass(frozen=True)
class View:
    """A message and what became of it so far. `status` is SENDING while a try runs."""

    message: Message
    status: str
    attempts: Sequence[MessageAttempt]
    next_attempt_at: datetime | None


class NoCredentials(Exception):
    """This workspace has not put credentials for this channel."""


# Of one that waits for others of its lane: the earliest time those before it can go.
VIEWS = """
    SELECT id, status, due_at, ahead FROM (
        SELECT m.id, m.agent_id, m.workspace_id, w.due_at,
               CASE WHEN w.lease_owner IS NOT NULL AND m.status = 'RETRYING' THEN 'SENDING' ELSE m.status END AS status,
               (SELECT max(e.due_at) FROM work e
                WHERE e.job = w.job AND e.workspace_id = w.workspace_id AND e.lane = w.lane AND e.state = 'pending'
                      AND e.lane_seq < w.lane_seq AND e.due_at < 'infinity') AS ahead
        FROM messages m LEFT JOIN work w ON w.job = :job AND w.row_id = m.id) AS views
    WHERE {which}
"""
ONE = text(VIEWS.format(which="id = :id AND workspace_id = :workspace"))
LIST = text(
    VIEWS.format(
        which="agent_id = :agent AND (CAST(:status AS text) IS NULL OR status = :status)"
        " AND (CAST(:before AS text) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit"
    )
)
PAYLOAD = (
    "SELECT id, channel_type, customer_id, content, workspace_id, agent_id FROM messages"  # what RQ shows of a job
)


def accept(
    session: Session, workspace_id: str, agent_id: str, channel_type: str, customer_id: str, content: str
) -> tuple[str, Lease | None]:
    """The new message's id, and the lease to try it now; None where it has to wait its turn or fails at once.

    Raises NoCredentials.
    """
    account = session.get(ChannelAccount, (workspace_id, channel_type))
    if account is None:
        raise NoCredentials(channel_type)
    message = Message(
        id=new_id("msg"), workspace_id=workspace_id, agent_id=agent_id, channel_type=channel_type,
        customer_id=customer_id, content=content,
    )  # fmt: skip
    session.add(message)
    session.flush()
    if account.state != "ACTIVE":
        failed(session, message.id, Failure(account.error or "", None, 1, 0))
        return message.id, None
    now, lane = clock.now(), _lane(message)
    held_until = account.held_until if account.held_until and account.held_until > now else None
    work.order(session, JOB, message.id, workspace_id, lane=lane, due_at=held_until)
    return message.id, None if held_until else work.claim_within(session, JOB, message.id)


def replay(session: Session, message_id: str) -> bool:
    """Owe a FAILED message anew: all attempts, another hour, the same keys; parts that were sent are not sent again."""
    message = session.get(Message, message_id, with_for_update=True)
    if message is None or message.status != "FAILED":
        return False
    message.status, message.error, message.updated_at = "RETRYING", None, clock.now()
    late.mark(session, message.created_at)
    work.order(session, JOB, message.id, message.workspace_id, lane=_lane(message))
    return True


def failed(session: Session, message_id: str, failure: Failure) -> None:
    """Show a failed try in the message's row; the last one as an event too."""
    message = session.get(Message, message_id)
    if message is None:
        return
    message.error, message.updated_at = failure.sentence, clock.now()
    if failure.retry_at is None:
        message.status = "FAILED"
        session.flush()
        late.mark(session, message.created_at)
        data = {"messageId": message_id, "error": failure.sentence}
        events.emit(session, message.workspace_id, "message_failed", data)


def find(session: Session, workspace_id: str, message_id: str) -> View | None:
    """One message of this workspace."""
    rows = session.execute(ONE, dict(job=JOB, id=message_id, workspace=workspace_id)).all()
    return _views(session, rows)[0] if rows else None


def listed(session: Session, agent_id: str, status: str | None, before: str | None, limit: int) -> list[View]:
    """An agent's messages, newest first, from the one before `before` on."""
    parameters = dict(job=JOB, agent=agent_id, status=status, before=before, limit=limit)
    return _views(session, session.execute(LIST, parameters).all())


def _views(session: Session, rows: Sequence[Any]) -> list[View]:
    ids = [row.id for row in rows]
    messages = {m.id: m for m in session.scalars(select(Message).where(Message.id.in_(ids)))}
    attempts: dict[str, list[MessageAttempt]] = {message_id: [] for message_id in ids}
    tries = select(MessageAttempt).where(MessageAttempt.message_id.in_(ids)).order_by(MessageAttempt.id)
    for attempt in session.scalars(tries):
        attempts[attempt.message_id].append(attempt)
    return [View(messages[row.id], row.status, attempts[row.id], _next(row)) for row in rows]


def _next(row: Any) -> datetime | None:
    """psycopg2 reads infinity as the last moment it knows."""
    times = [time for time in (row.due_at, row.ahead) if time is not None and time.year < 9999]
    return max(times) if times and row.status == "RETRYING" else None


def _lane(message: Message) -> str:
    return f"{message.channel_type}/{message.customer_id}"
