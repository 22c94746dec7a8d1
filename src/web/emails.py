"""A workspace's mail: what became of it, and sending again what failed."""

from typing import Any

from flask import Blueprint, g
from sqlalchemy.orm import Session

from nightshift.db.session import transaction
from nightshift.mail import mailbox
from nightshift.mail.mailbox import View
from web import asking
from web.problems import Problem
from web.writing import Answer, writes

blueprint = Blueprint("emails", __name__, url_prefix="/v1")
STATUSES = ("PENDING", "SENT", "FAILED")


@blueprint.get("/emails")
def listed() -> dict[str, Any]:
    status, size, before = asking.status(STATUSES), asking.limit(), asking.cursor()
    with transaction() as session:
        views = mailbox.listed(session, g.workspace_id, status, before, size)
    return asking.page([shown(view) for view in views], size)


@blueprint.post("/emails/<email_id>/retry")
@writes
def retry(session: Session, email_id: str) -> Answer:
    _own(session, email_id)
    if not mailbox.retry(session, email_id):
        raise Problem(409, "This mail does not rest as failed: there is nothing to send again.")
    return shown(_own(session, email_id)), 202


def _own(session: Session, email_id: str) -> View:
    return asking.found(mailbox.find(session, g.workspace_id, email_id))


def shown(view: View) -> dict[str, Any]:
    """A mail as its workspace sees it."""
    email = view.email
    return {
        "id": email.id,
        "kind": email.kind,
        "to": email.to_address,
        "subject": email.subject,
        "status": email.status,
        "error": email.error,
        "providerId": email.provider_id,
        "attempts": view.attempts,
        "nextAttemptAt": asking.time(view.next_attempt_at),
        "mayArriveTwice": email.key_round > 1,
        "createdAt": asking.time(email.created_at),
        "sentAt": asking.time(email.sent_at),
    }
