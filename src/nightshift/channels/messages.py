"""Messages: accept one, retry it, record what failed. How they are shown stands in `message_list`."""

import time
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from nightshift import clock, dirty_days, events, outbox
from nightshift.channels import accounts, delivery
from nightshift.channels.accounts import JOB
from nightshift.db.models import Message, MessageAttempt, Outbox
from nightshift.db.session import execute
from nightshift.errors import BadCredential, NightshiftError, TemporaryError
from nightshift.ids import new_id
from nightshift.outbox import Lease
from nightshift.outbox.statements import JOIN_LANE
from nightshift.retry_policy import MAX_WAIT_SECONDS, UNEXPECTED, Failure, wait_seconds

HELD_TOO_LONG = "The provider asked us not to use this account for longer than 30 minutes."
LATE = " It is sent again, and may arrive after later messages."
MAX_HOLD_SECONDS = wait_seconds(MAX_WAIT_SECONDS)  # a longer one fails messages instead of delaying them


class NoCredentials(Exception):
    """This workspace has no credentials for this channel."""


ACCOUNT = """
    SELECT credentials IS NOT NULL AS is_connected, state, error, held_until,
           extract(epoch FROM held_until - clock_timestamp())::float8 AS held_for
    FROM channels WHERE workspace_id = %(workspace)s AND type = %(channel_type)s
"""
ACCEPT = """
    INSERT INTO messages (id, workspace_id, agent_id, channel_type, customer_id, content, status, provider_ids,
                          created_at, updated_at)
    VALUES (%(id)s, %(workspace)s, %(agent)s, %(channel_type)s, %(customer_id)s, %(content)s, 'RETRYING', '{}',
            %(now)s, %(now)s)
"""
# What RQ shows of a job
PAYLOAD = "SELECT id, channel_type, customer_id, content, workspace_id, agent_id FROM messages"


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
    message_id, lane = new_id("msg"), accounts.lanes_of(channel_type) + customer_id
    which: dict[str, Any] = dict(workspace=workspace_id, channel_type=channel_type)
    # The lane before the account: the order of a failed attempt
    account = next(iter(execute(session, JOIN_LANE, ACCOUNT, job=JOB, lane=lane, **which)), None)
    if account is None or not account.is_connected:
        raise NoCredentials(channel_type)
    if account.held_until is not None:  # new credentials that lift the hold see this message, or it sees them
        [account] = execute(session, f"{ACCOUNT} FOR SHARE", **which)
    values = dict(which, id=message_id, agent=agent_id, customer_id=customer_id, content=content, now=clock.now())
    held_for = account.held_for or 0.0
    refusal = account.error if account.state != "ACTIVE" else HELD_TOO_LONG if held_for > MAX_HOLD_SECONDS else None
    waits = held_for > 0 and refusal is None
    due_at = account.held_until if waits else None
    outbox.enqueue(session, JOB, message_id, workspace_id, lane=lane, due_at=due_at, row=(ACCEPT, values))
    if waits or not (refusal or try_now):
        return message_id, None
    lease = outbox.claim_here(session, JOB, message_id)
    if lease is None or refusal is None:
        return message_id, lease
    final = Failure(refusal, None, 1, 0)
    lease.fail(session, final)
    failed(session, lease, final)
    return message_id, None


def retry(session: Session, message_id: str) -> bool:
    """Enqueue a FAILED message again: all attempts, another hour, the same keys; parts that were sent are not sent again."""
    lock = select(Outbox.row_id).where(Outbox.job == JOB, Outbox.row_id == message_id)
    session.execute(lock.with_for_update())  # first the outbox row, then the message: the order of every run
    message = session.get(Message, message_id, with_for_update=True, populate_existing=True)
    if message is None or message.status != "FAILED":
        return False
    message.status, message.error, message.updated_at = "RETRYING", None, clock.now()
    dirty_days.mark(session, message.created_at)
    lane = accounts.lanes_of(message.channel_type) + message.customer_id
    outbox.enqueue(session, JOB, message.id, message.workspace_id, lane=lane)
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
