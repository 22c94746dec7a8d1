"""Messages as their owner sees them: accept, show, list, retry."""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Text, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from nightshift import clock, dirty_days, events, outbox
from nightshift.channels import accounts, delivery
from nightshift.channels.accounts import JOB
from nightshift.db.models import ChannelAccount, Message, MessageAttempt, Outbox
from nightshift.errors import BadCredential, NightshiftError, TemporaryError
from nightshift.ids import new_id
from nightshift.outbox import Lease
from nightshift.outbox.statements import UNFINISHED, paused
from nightshift.retry_policy import MAX_WAIT_SECONDS, UNEXPECTED, Failure, wait_seconds

HELD_TOO_LONG = "The provider asked us not to use this account for longer than 30 minutes."
LATE = " It is sent again, and may arrive after later messages."
MAX_HOLD_SECONDS = wait_seconds(MAX_WAIT_SECONDS)  # a longer one fails messages instead of delaying them
STATUSES = ("SENDING", "RETRYING", "SENT", "FAILED")


class NoCredentials(Exception):
    """This workspace has no credentials for this channel."""


# A message's status (SENDING while an attempt runs), when it can go (not before the head of its lane; nobody knows while it
# is paused), its attempts.
SHOWN = f"""
    SELECT id AS message_id, status, size, CASE WHEN status = 'RETRYING' THEN next_attempt_at END AS next_attempt_at,
           (SELECT coalesce(jsonb_agg(to_jsonb(a) ORDER BY a.generation), '[]') FROM message_attempts a
            WHERE a.message_id = found.id) AS attempts
    FROM (
        SELECT m.id, m.agent_id, m.workspace_id,
               CASE WHEN o.state = 'running' AND m.status = 'RETRYING' THEN 'SENDING' ELSE m.status END AS status,
               octet_length(m.content) AS size, CASE WHEN NOT {paused("o")} THEN greatest(o.due_at, (
                   SELECT head.due_at FROM outbox head
                   WHERE head.job = o.job AND head.workspace_id = o.workspace_id AND head.lane = o.lane
                         AND head.{UNFINISHED} ORDER BY head.lane_seq LIMIT 1)) END AS next_attempt_at
        FROM messages m LEFT JOIN outbox o ON o.job = :job AND o.row_id = m.id WHERE {{rows}}) AS found
    WHERE {{which}}
"""  # noqa: S608 constants
# Of these rows: `ahead`, how many bytes the contents of those before it have. They are not read for that.
PAGE = """
    SELECT * FROM (SELECT *, sum(size) OVER (ORDER BY message_id DESC) - size AS ahead FROM ({shown}) AS shown) AS shown
    WHERE {page}
"""
HELD_FOR = text("SELECT extract(epoch FROM CAST(:until AS timestamptz) - clock_timestamp())::float8")


def _shown(rows: str, which: str, page: str = "true") -> Any:
    """One statement for all of each: between two statements an attempt may begin or end."""
    rows_shown = SHOWN.format(rows=rows, which=which)
    found = text(PAGE.format(shown=rows_shown, page=page)).columns(
        message_id=Text, status=Text, next_attempt_at=Outbox.due_at.type, attempts=JSONB
    )
    shown = found.subquery("shown")
    columns = (shown.c.status, shown.c.next_attempt_at, shown.c.attempts)
    return select(Message, *columns).join(shown, Message.id == shown.c.message_id).order_by(Message.id.desc())


ONE = _shown("m.id = :id AND m.workspace_id = :workspace", "true")
LIST = _shown(
    "m.agent_id = :agent AND (CAST(:stored AS text) IS NULL OR m.status = :stored)"
    " AND (CAST(:before AS text) IS NULL OR m.id < :before)",
    "CAST(:status AS text) IS NULL OR status = :status ORDER BY id DESC LIMIT :limit",
    "ahead < :max_bytes",
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
    """The new message's id, and the lease to send it now; None where it has to wait its turn, fails at once, or is left to
    a worker (not `try_now`).

    Raises NoCredentials.
    """
    message = Message(
        id=new_id("msg"), workspace_id=workspace_id, agent_id=agent_id, channel_type=channel_type,
        customer_id=customer_id, content=content,
    )  # fmt: skip
    outbox.join_lane(session, JOB, workspace_id, _lane(message))  # before the account: in the order of a failed attempt
    account = session.get(ChannelAccount, (workspace_id, channel_type))
    if account is None or account.credentials is None:
        raise NoCredentials(channel_type)
    held_for = None
    if account.held_until is not None:  # new credentials that lift the hold see this message, or it sees them
        session.refresh(account, with_for_update={"read": True})
        held_for = session.scalar(HELD_FOR, {"until": account.held_until})
    session.add(message)
    session.flush()
    too_long = held_for is not None and held_for > MAX_HOLD_SECONDS
    refusal = account.error if account.state != "ACTIVE" else HELD_TOO_LONG if too_long else None
    waits = held_for is not None and held_for > 0 and refusal is None
    due_at = account.held_until if waits else None
    outbox.enqueue(session, JOB, message.id, workspace_id, lane=_lane(message), due_at=due_at)
    if waits or not (refusal or try_now):
        return message.id, None
    lease = outbox.claim_here(session, JOB, message.id)
    if lease is None or refusal is None:
        return message.id, lease
    final = Failure(refusal, None, 1, 0)
    lease.fail(session, final)
    failed(session, lease, final)
    return message.id, None


def retry(session: Session, message_id: str) -> bool:
    """Enqueue a FAILED message again: all attempts, another hour, the same keys; parts that were sent are not sent again."""
    lock = select(Outbox.row_id).where(Outbox.job == JOB, Outbox.row_id == message_id)
    session.execute(lock.with_for_update())  # first the outbox row, then the message: the order of every run
    message = session.get(Message, message_id, with_for_update=True, populate_existing=True)
    if message is None or message.status != "FAILED":
        return False
    message.status, message.error, message.updated_at = "RETRYING", None, clock.now()
    dirty_days.mark(session, message.created_at)
    outbox.enqueue(session, JOB, message.id, message.workspace_id, lane=_lane(message))
    return True


def failed(session: Session, lease: Lease, failure: Failure) -> None:
    """Record a failed attempt: in its row, in the message's, in the account's; the last one as an event too.

    The attempt is the one under this lease, or the one of which a report says that it failed.
    """
    message = session.get(Message, lease.row_id)
    if message is None:
        return
    message.error, message.updated_at = failure.sentence, clock.now()
    error, final = failure.error, failure.retry_in is None
    reported = error.reported if isinstance(error, NightshiftError) else None
    if reported is not None:
        delivery.failed(session, message)
    if error is not None:
        generation = lease.generation if reported is None else reported
        attempt = (MessageAttempt.message_id == message.id) & (MessageAttempt.generation == generation)
        late = reported is not None and not final
        _end_attempt(session, attempt, error, LATE if late else "")
        _apply_to_account(session, message, attempt, error)
    if final or message.status != "RETRYING":
        message.status = "FAILED" if final else "RETRYING"
        session.flush()
        dirty_days.mark(session, message.created_at)
    if final:
        data = {"messageId": message.id, "error": failure.sentence}
        events.emit(session, message.workspace_id, "message_failed", data)


def _end_attempt(session: Session, attempt: Any, error: BaseException, remark: str) -> None:
    known = isinstance(error, NightshiftError) and not (isinstance(error, TemporaryError) and error.answer_lost)
    ours = isinstance(error, NightshiftError)
    ended: dict[str, Any] = dict(
        outcome="failed" if known else "unknown", error=(str(error) if ours else UNEXPECTED) + remark
    )
    if isinstance(error, NightshiftError) and error.reported is None:
        ended["http_status"] = error.http_status
    session.execute(update(MessageAttempt).where(attempt).values(ended))


def _apply_to_account(session: Session, message: Message, attempt: Any, error: BaseException) -> None:
    """What the answer means for everything that goes through the account, if its credentials are still those used."""
    used = select(MessageAttempt.credentials_version).where(attempt)
    account = (session, message.workspace_id, message.channel_type, used.scalar_subquery())
    if isinstance(error, BadCredential):
        accounts.refuse(*account, str(error))
    if isinstance(error, TemporaryError) and error.retry_after_seconds and error.scope == "account":
        seconds = wait_seconds(error.retry_after_seconds) - (time.monotonic() - error.at)
        accounts.hold(*account, seconds, MAX_HOLD_SECONDS)


def find(session: Session, workspace_id: str, message_id: str) -> Row[Any] | None:
    """One message of this workspace: `Message`, status, next_attempt_at, attempts."""
    return session.execute(ONE, dict(job=JOB, id=message_id, workspace=workspace_id)).one_or_none()


def listed(
    session: Session, agent_id: str, status: str | None, before: str | None, limit: int, max_bytes: int
) -> Sequence[Row[Any]]:
    """An agent's messages, newest first, from the one before `before` on: `limit`, or as many as reach `max_bytes`."""
    stored = "RETRYING" if status == "SENDING" else status
    parameters = dict(job=JOB, agent=agent_id, status=status, stored=stored, before=before, limit=limit)
    return session.execute(LIST, parameters | {"max_bytes": max_bytes}).all()


def _lane(message: Message) -> str:
    return accounts.lanes_of(message.channel_type) + message.customer_id
