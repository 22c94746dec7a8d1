"""Messages as their owner sees them: accept, show, list, send again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from nightshift import clock, events, late, work
from nightshift.channels.accounts import JOB, too_long
from nightshift.db.models import ChannelAccount, Message, MessageAttempt, Work
from nightshift.ids import new_id
from nightshift.judging import Failure
from nightshift.work import Lease

HELD_TOO_LONG = "The vendor asked us to leave this account alone for longer than 30 minutes."
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


# `ahead`: when the head of its lane can go.
VIEWS = """
    SELECT id AS message_id, status, due_at, ahead,
           (SELECT coalesce(jsonb_agg(to_jsonb(a) ORDER BY a.id), '[]') FROM message_attempts a
            WHERE a.message_id = views.id) AS attempts
    FROM (
        SELECT m.id, m.agent_id, m.workspace_id, w.due_at,
               CASE WHEN w.lease_owner IS NOT NULL AND m.status = 'RETRYING' THEN 'SENDING' ELSE m.status END AS status,
               (SELECT e.due_at FROM work e
                WHERE e.job = w.job AND e.workspace_id = w.workspace_id AND e.lane = w.lane AND e.state = 'pending'
                ORDER BY e.lane_seq LIMIT 1) AS ahead
        FROM messages m LEFT JOIN work w ON w.job = :job AND w.row_id = m.id WHERE {rows}) AS views
    WHERE {which}
"""


def _views(rows: str, which: str) -> Any:
    """All of each in one statement: between two of them a try may begin, or end."""
    moment = Work.due_at.type
    found = text(VIEWS.format(rows=rows, which=which)).columns(
        message_id=Text, status=Text, due_at=moment, ahead=moment, attempts=JSONB
    )
    views = found.subquery("views")
    shown = select(Message, views.c.status, views.c.due_at, views.c.ahead, views.c.attempts)
    return shown.join(views, Message.id == views.c.message_id).order_by(Message.id.desc())


ONE = _views("m.id = :id AND m.workspace_id = :workspace", "true")
LIST = _views(
    "m.agent_id = :agent AND (CAST(:stored AS text) IS NULL OR m.status = :stored)"
    " AND (CAST(:before AS text) IS NULL OR m.id < :before)",
    "CAST(:status AS text) IS NULL OR status = :status ORDER BY id DESC LIMIT :limit",
)
PAYLOAD = (
    "SELECT id, channel_type, customer_id, content, workspace_id, agent_id FROM messages"  # what RQ shows of a job
)


def accept(
    session: Session,
    workspace_id: str,
    agent_id: str,
    channel_type: str,
    customer_id: str,
    content: str,
    *,
    try_now: bool = True,
) -> tuple[str, Lease | None]:
    """The new message's id, and the lease to try it now; None where it has to wait its turn, fails at once, or is left to
    a worker (not `try_now`).

    Raises NoCredentials.
    """
    account = session.get(ChannelAccount, (workspace_id, channel_type))
    if account is None:
        raise NoCredentials(channel_type)
    if account.held_until is not None:  # whoever ends the hold now must see this message, or this message that end
        session.refresh(account, with_for_update={"read": True})
    message = Message(
        id=new_id("msg"), workspace_id=workspace_id, agent_id=agent_id, channel_type=channel_type,
        customer_id=customer_id, content=content,
    )  # fmt: skip
    session.add(message)
    session.flush()
    held_until = account.held_until if account.held_until and account.held_until > clock.now() else None
    refusal = (
        account.error if account.state != "ACTIVE" else HELD_TOO_LONG if held_until and too_long(held_until) else None
    )
    due_at = None if refusal else held_until
    work.order(session, JOB, message.id, workspace_id, lane=_lane(message), due_at=due_at)
    if due_at is not None or not (refusal or try_now):
        return message.id, None
    lease = work.claim_within(session, JOB, message.id)
    if lease is None or refusal is None:
        return message.id, lease
    final = Failure(refusal, None, 1, 0)
    lease.fail(session, final)
    failed(session, message.id, final)
    return message.id, None


def replay(session: Session, message_id: str) -> bool:
    """Owe a FAILED message anew: all attempts, another hour, the same keys; parts that were sent are not sent again."""
    owed = select(Work.row_id).where(Work.job == JOB, Work.row_id == message_id)
    session.execute(owed.with_for_update())  # first the work, then what it is for: the order every run has
    message = session.get(Message, message_id, with_for_update=True, populate_existing=True)
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
    row = session.execute(ONE, dict(job=JOB, id=message_id, workspace=workspace_id)).one_or_none()
    return _view(row) if row else None


def listed(session: Session, agent_id: str, status: str | None, before: str | None, limit: int) -> list[View]:
    """An agent's messages, newest first, from the one before `before` on."""
    stored = "RETRYING" if status == "SENDING" else status
    parameters = dict(job=JOB, agent=agent_id, status=status, stored=stored, before=before, limit=limit)
    return [_view(row) for row in session.execute(LIST, parameters)]


def _view(row: Any) -> View:
    attempts = [MessageAttempt(**tried | {"at": datetime.fromisoformat(tried["at"])}) for tried in row.attempts]
    return View(row.Message, row.status, attempts, _next(row))


def _next(row: Any) -> datetime | None:
    """psycopg2 reads infinity as the last moment it knows."""
    times = [time for time in (row.due_at, row.ahead) if time is not None and time.year < 9999]
    return max(times) if times and row.status == "RETRYING" else None


def _lane(message: Message) -> str:
    return f"{message.channel_type}/{message.customer_id}"
