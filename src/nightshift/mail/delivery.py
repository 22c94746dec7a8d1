"""Sending one mail, and what becomes of its row."""

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from nightshift import clock
from nightshift.db.models import Email
from nightshift.db.session import patiently, statement, transaction
from nightshift.errors import LeaseLost, NightshiftError, PermanentError
from nightshift.judging import Failure
from nightshift.mail import resend
from nightshift.mail.outbox import is_forgotten
from nightshift.settings import settings
from nightshift.work import Lease

CAPTURED = "captured"  # in place of Resend's id: without a key nothing leaves the machine
TOO_LATE = (
    "An earlier try may have arrived, too long ago for Resend to recognise a second one. "
    "Send it again if it is missing: it may then arrive twice."
)

# Read the mail, and write down before it goes out that it may have arrived: a worker may die without a word. Not waited
# for the disk: only a crash of Postgres in that same moment loses it, and that matters only if it stays down for a day.
TAKE = """
    UPDATE emails SET maybe_sent_at = coalesce(maybe_sent_at, %(now)s) WHERE id = %(id)s
    RETURNING to_address, subject, html, text, id || '/' || key_round AS key, maybe_sent_at
"""
SENT = """
    UPDATE emails SET status = 'SENT', provider_id = %(provider_id)s, error = NULL, sent_at = %(now)s, updated_at = %(now)s
    FROM mine WHERE id = mine.row_id RETURNING id
"""
PAYLOAD = 'SELECT id, to_address AS "to", subject, html FROM emails'  # what a job shows of its mail in Redis


def send(lease: Lease) -> None:
    """Send the mail once in effect, and keep Resend's id of it; without a key, in development, capture it.

    Raises PermanentError and TemporaryError with a sentence for a person, LeaseLost where the mail is gone.
    """
    if settings().resend_api_key is None:
        lease.finish_by(SENT, provider_id=CAPTURED)
        return
    tried_at = clock.now()
    mail = _take(lease, tried_at)
    try:
        provider_id = resend.send(mail.to_address, mail.subject, mail.html, mail.text, mail.key)
    except NightshiftError as refused:
        if mail.maybe_sent_at == tried_at and not getattr(refused, "answer_lost", False):
            patiently(lambda: _not_sent(lease))
        raise
    lease.finish_by(SENT, provider_id=provider_id)


def failed(session: Session, email_id: str, failure: Failure) -> None:
    """Show a failed try in the row, which rests as FAILED after the last one."""
    status = "FAILED" if failure.retry_at is None else "PENDING"
    shown = dict(status=status, error=failure.sentence, updated_at=clock.now())
    session.execute(update(Email).where(Email.id == email_id).values(shown))


def _take(lease: Lease, now: datetime) -> Any:
    rows = statement(TAKE, durable=False, id=lease.row_id, now=now)
    if not rows:
        raise LeaseLost(lease.row_id)
    if is_forgotten(rows[0].maybe_sent_at):
        raise PermanentError(TOO_LATE)
    return rows[0]


def _not_sent(lease: Lease) -> None:
    """Resend said that it did not take the mail, and no try before this one is in doubt."""
    with transaction() as session:
        lease.fence(session)
        session.execute(update(Email).where(Email.id == lease.row_id).values(maybe_sent_at=None))
