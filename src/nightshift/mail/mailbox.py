"""A workspace's mail: enqueued with its cause, listed, and retried when a person asks for it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, case, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, undefer

from nightshift import clock, outbox
from nightshift.db.models import Email, Outbox, Retry, Workspace
from nightshift.ids import new_id
from nightshift.mail.render import render
from nightshift.outbox import retries

JOB = "email.send"
# Resend drops a second mail with the same Idempotency-Key for 24 hours, of which a minute is kept for the attempt itself.
REMEMBERED = timedelta(hours=24) - timedelta(minutes=1)

MAX_BOUNCED = 20  # addresses that are named at once

# Of a FAILED mail's outbox row: see `retry`.
DOUBTFUL = f"""EXISTS (
    SELECT FROM emails e JOIN workspaces w ON w.id = e.workspace_id
    WHERE e.id = o.row_id AND e.to_address = w.notify_email
          AND e.maybe_sent_at <= clock_timestamp() - interval '{REMEMBERED.total_seconds()} seconds')
"""

# A mail (`Email`), its status (PENDING also while a retry of many has not come to it), its attempts so far and when the next one
# is.
STATUS: Any = case((Retry.at.is_not(None), "PENDING"), else_=Email.status)
SHOWN = (
    select(
        Email,
        STATUS.label("status"),
        func.coalesce(Outbox.runs, 0).label("attempts"),
        case((Outbox.state.in_(("pending", "dispatched")), Outbox.due_at), else_=Retry.at).label("next_attempt_at"),
    )
    .outerjoin(Outbox, (Outbox.job == JOB) & (Outbox.row_id == Email.id))
    .outerjoin(Retry, retries.JOIN)
)


def enqueue(session: Session, workspace_id: str, kind: str, key: str, **values: Any) -> str | None:
    """Write a mail to the workspace's contact and enqueue it, in the caller's transaction: its id.

    None where the workspace has a mail with this `kind` and `key` already: once for each cause, by constraint. `values`:
    what its kind is told (see kinds).
    """
    workspace = session.get_one(Workspace, workspace_id)
    mail, key = render(kind, workspace.name, values), f"{kind}/{key}"
    row = dict(id=new_id("mail"), workspace_id=workspace_id, kind=kind, key=key, to_address=workspace.notify_email)
    new = insert(Email).values(row | dict(subject=mail.subject, html=mail.html, text=mail.text))
    email_id = session.scalar(new.on_conflict_do_nothing(constraint="emails_key").returning(Email.id))
    if email_id is not None:
        outbox.enqueue(session, JOB, email_id, workspace_id)
    return email_id


def retry(session: Session, email_id: str) -> bool:
    """Enqueue a FAILED mail again, with all attempts. False where it is not FAILED: of two at once one does it.

    It goes to the workspace's address of now, under a key of its own. Where an earlier attempt may have arrived there and
    the vendor no longer remembers its key, a new key goes out and the row says so: this mail may arrive twice.
    """
    failed = select(Outbox.workspace_id).where(Outbox.job == JOB, Outbox.row_id == email_id, Outbox.state == "failed")
    workspace_id = session.scalar(failed.with_for_update())
    if workspace_id is None:
        return False
    email = session.get_one(Email, email_id, populate_existing=True)
    address = session.get_one(Workspace, workspace_id).notify_email
    if email.to_address != address:  # nobody there has had it
        email.to_address, email.maybe_sent_at = address, None
    if is_forgotten(email.maybe_sent_at):
        email.key_round, email.maybe_sent_at = email.key_round + 1, None
    email.status, email.error = "PENDING", None
    email.delivery_state, email.delivery_at, email.delivery_error = None, None, None
    session.flush()
    outbox.enqueue(session, JOB, email_id, workspace_id)
    return True


def is_forgotten(maybe_sent_at: datetime | None) -> bool:
    """Whether an attempt with the same key, now, could be a second mail."""
    return maybe_sent_at is not None and maybe_sent_at <= clock.now() - REMEMBERED


def find(session: Session, workspace_id: str | None, email_id: str) -> Row[Any] | None:
    """One mail of this workspace, or of any: see SHOWN."""
    query = SHOWN.where(Email.id == email_id, *_of(workspace_id))
    return session.execute(query, execution_options={"populate_existing": True}).one_or_none()


def contents(session: Session, email_id: str) -> Email:
    """A mail with its html and text."""
    return session.get_one(Email, email_id, options=[undefer(Email.html), undefer(Email.text)], populate_existing=True)


def listed(
    session: Session, workspace_id: str | None, status: str | None, before: str | None, limit: int
) -> Sequence[Row[Any]]:
    """A workspace's mail, or everybody's, newest first, from the one before `before` on."""
    query = SHOWN.where(*_of(workspace_id)).order_by(Email.id.desc()).limit(limit)
    if status:
        query = query.where(status == STATUS)
    if before:
        query = query.where(Email.id < before)
    return session.execute(query).all()


def bounced(session: Session, workspace_id: str | None) -> Sequence[str]:
    """The address of this workspace, or of any, to which nothing is sent because mail to it bounced; the first few."""
    held = select(Workspace.notify_email).where(Workspace.bounced_address == Workspace.notify_email)
    mine = held.where(Workspace.id == workspace_id) if workspace_id else held
    return session.scalars(mine.order_by(Workspace.id).limit(MAX_BOUNCED)).all()


def _of(workspace_id: str | None) -> tuple[Any, ...]:
    return (Email.workspace_id == workspace_id,) if workspace_id else ()
