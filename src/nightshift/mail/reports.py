"""What Resend reports of a mail after it accepted it."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from standardwebhooks import Webhook, WebhookVerificationError

from nightshift import clock, outbox
from nightshift.db.models import Email, Outbox, Workspace
from nightshift.db.session import transaction
from nightshift.errors import TemporaryError
from nightshift.mail.mailbox import JOB
from nightshift.mail.resend import MAX_ID_CHARACTERS, TAG

STATES = {
    "email.sent": "accepted",
    "email.delivered": "delivered",
    "email.complained": "delivered",
    "email.opened": "read",
    "email.clicked": "read",
    "email.bounced": "failed",
    "email.suppressed": "failed",
    "email.failed": "failed",
}
RANKS = ("accepted", "delivered", "read", "failed")  # what bounces may have been taken as delivered before
COMPLAINED = "The recipient marked this mail as spam."
SENTENCES = {
    "email.complained": COMPLAINED,
    "email.bounced": "The mail server of this address refused the mail. Nothing is sent there until the address is changed.",
    "email.suppressed": "Resend sends nothing to this address, because mail to it bounced or was marked as spam. "
    "Nothing is sent there until the address is changed.",
    "email.failed": "Resend accepted this mail and could not send it. Your operator must look it up at Resend.",
}
TRANSIENT_TYPES = ("Transient", "Undetermined")  # the third is Permanent
TRANSIENT = "The mail server of this address could not take the mail now: it is full, or has trouble."
FINAL = ("email.bounced", "email.suppressed")  # nothing more goes to this address
HEADERS = ("id", "timestamp", "signature")


def is_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether Resend signed these bytes within the last five minutes: Standard Webhooks, with Svix's names of the headers."""
    named = {f"webhook-{n}": headers.get(f"svix-{n}") or headers.get(f"webhook-{n}", "") for n in HEADERS}
    try:
        Webhook(secret).verify(body, named, json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def take(body: bytes) -> None:
    """Show what is reported in the mail's row. A report about no mail of ours, or one that is known, changes nothing.

    Raises TemporaryError: Resend is to say it again.
    """
    try:
        said = json.loads(body)
        kind, data = said["type"], dict(said["data"])
        state = STATES[kind]
    except (ValueError, RecursionError, TypeError, KeyError):
        return
    with transaction() as session:
        email = _mail(session, data, state == "failed")
        if email is not None:
            _show(session, email, str(kind), state, data, _moment(said.get("created_at")))


def _mail(session: Session, data: dict[str, Any], failed: bool) -> Email | None:
    """By the tag that we gave it, else by Resend's id. Locked, after its outbox row. Raises TemporaryError where the end of
    its run would hide that it failed."""
    tag, provider_id = _tag(data.get("tags")), _id(data.get("email_id"))
    which = Email.id == tag if tag else Email.provider_id == provider_id
    email_id = session.scalar(select(Email.id).where(which)) if tag or provider_id else None
    if email_id is None:
        return None
    row = select(Outbox.state).where(Outbox.job == JOB, Outbox.row_id == email_id)
    if session.scalar(row.with_for_update()) == "running" and failed:
        raise TemporaryError("This mail is being sent at the moment.", 5)
    return session.get(Email, email_id, with_for_update=True, populate_existing=True)


def _show(session: Session, email: Email, kind: str, state: str, data: dict[str, Any], at: datetime) -> None:
    to, copy = data.get("to"), _id(data.get("email_id"))
    if isinstance(to, list) and to and email.to_address.casefold() not in (str(one).casefold() for one in to):
        return  # of an address before: the mail goes elsewhere now
    if email.provider_id and copy and (copy == email.provider_id) != (email.status == "SENT"):
        return  # of a round before
    bounce = data.get("bounce")
    transient = kind == "email.bounced" and isinstance(bounce, dict) and bounce.get("type") in TRANSIENT_TYPES
    sentence = TRANSIENT if transient else SENTENCES.get(kind)
    if kind == "email.complained":
        email.delivery_error = sentence
    if email.delivery_state and RANKS.index(state) <= RANKS.index(email.delivery_state):
        return
    email.delivery_state, email.delivery_at, email.updated_at = state, at, clock.now()
    email.provider_id = email.provider_id or _id(data.get("email_id"))
    if state == "failed":
        email.status, email.error, email.delivery_error = "FAILED", sentence, sentence
    elif email.status != "SENT":
        email.status, email.error, email.sent_at = "SENT", None, email.sent_at or at
    session.flush()
    outbox.settle(session, JOB, email.id, sentence if state == "failed" else None)
    if kind in FINAL and not transient:
        ours = (Workspace.id == email.workspace_id, Workspace.notify_email == email.to_address)
        session.execute(update(Workspace).where(*ours).values(bounced_address=email.to_address))


def _tag(tags: Any) -> str | None:
    """The mail's id. Resend's examples have an object of tags, and its reference a list of names and values."""
    if isinstance(tags, list):
        return next((_id(tag.get("value")) for tag in tags if isinstance(tag, dict) and tag.get("name") == TAG), None)
    return _id(tags.get(TAG)) if isinstance(tags, dict) else None


def _id(value: object) -> str | None:
    return value[:MAX_ID_CHARACTERS] if isinstance(value, str) and value.isprintable() and value else None


def _moment(text: object) -> datetime:
    with suppress(ValueError):
        return min(clock.parse(str(text)), clock.now())
    return clock.now()
