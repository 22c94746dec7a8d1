"""Sends one mail, and records what becomes of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from nightshift import clock
from nightshift.db.models import Email
from nightshift.db.session import statement, transaction
from nightshift.errors import NightshiftError, PermanentError
from nightshift.mail import resend
from nightshift.mail.mailbox import is_forgotten
from nightshift.outbox import Lease
from nightshift.retry_policy import Failure
from nightshift.settings import settings

CAPTURED = "captured"  # in place of Resend's id: without a key nothing leaves the machine
TOO_LATE = (
    "An earlier attempt may have arrived, too long ago for Resend to recognize a second one. "
    "Retry the mail if it is missing: it may then arrive twice."
)
BOUNCED = "Mail to this address bounced. Nothing is sent there until the workspace's notifyEmail is changed."

# Reads the mail and records, before it is sent, that it may have arrived: a worker may die without a word. Not durable: only
# a crash of Postgres at that moment loses the mark, and that matters only if Postgres stays down for a day.
BEGIN = """
    UPDATE emails SET maybe_sent_at = CASE WHEN w.bounced_address = to_address THEN maybe_sent_at
                                      ELSE coalesce(maybe_sent_at, %(now)s::timestamptz) END
    FROM workspaces w WHERE emails.id = %(id)s AND w.id = workspace_id
    RETURNING to_address, subject, html, text, maybe_sent_at,
              emails.id || '/' || key_round || '/' || left(md5(to_address), 8) AS key,
              w.bounced_address = to_address AS bounced
"""
SENT = """
    UPDATE emails SET status = 'SENT', provider_id = %(provider_id)s::text, error = NULL, sent_at = %(now)s::timestamptz,
           updated_at = %(now)s::timestamptz, delivery_error = NULL,
           delivery_state = CASE WHEN delivery_state IN ('delivered', 'read') THEN delivery_state ELSE 'accepted' END,
           delivery_at = CASE WHEN delivery_state IN ('delivered', 'read') THEN delivery_at ELSE %(now)s::timestamptz END
    FROM mine WHERE id = mine.row_id RETURNING id
"""
PAYLOAD = 'SELECT id, to_address AS "to", subject, html FROM emails'  # what a job shows of its mail in Redis


def send(lease: Lease) -> None:
    """Send the mail once in effect, and keep Resend's id of it; without a key, in development, capture it.

    Raises PermanentError and TemporaryError with a sentence for a person, LeaseLost.
    """
    if settings().resend_api_key is None:
        lease.finish_by(SENT, provider_id=CAPTURED, now=clock.now())
        return
    begun_at = clock.now()
    mail = _begin(lease, begun_at)
    try:
        provider_id = resend.send(mail.to_address, mail.subject, mail.html, mail.text, mail.key)
    except NightshiftError as refused:
        if mail.maybe_sent_at == begun_at and not getattr(refused, "answer_lost", False):
            lease.write(lambda: _not_sent(lease))
        raise
    lease.finish_by(SENT, provider_id=provider_id, now=clock.now())


def failed(session: Session, lease: Lease, failure: Failure) -> None:
    """Show a failed attempt in the mail's row, which is FAILED after the last one."""
    status = "FAILED" if failure.retry_in is None else "PENDING"
    shown = dict(status=status, error=failure.sentence, updated_at=clock.now())
    session.execute(update(Email).where(Email.id == lease.row_id).values(shown))


def _begin(lease: Lease, now: datetime) -> Any:
    rows = statement(BEGIN, durable=False, id=lease.row_id, now=now)
    if not rows:
        raise PermanentError("This mail no longer exists.")
    if rows[0].bounced:
        raise PermanentError(BOUNCED)
    if is_forgotten(rows[0].maybe_sent_at):
        raise PermanentError(TOO_LATE)
    return rows[0]


def _not_sent(lease: Lease) -> None:
    """Resend said that it did not accept the mail, and no attempt before this one is in doubt."""
    with transaction() as session:
        lease.fence(session)
        session.execute(update(Email).where(Email.id == lease.row_id).values(maybe_sent_at=None))
