"""A workspace's mail: its state, and retrying what failed."""

from typing import Any, Literal

from flask import g
from pydantic import Field
from sqlalchemy import Row
from sqlalchemy.orm import Session

from nightshift.mail import mailbox
from web.error_responses import Problem, ProblemDetails, or_404
from web.request_parsing import PageQuery
from web.response_models import Count, Delivery, Page, ResponseModel, Time, page
from web.routing import route

Status = Literal["PENDING", "SENT", "FAILED"]


class EmailQuery(PageQuery):
    status: Status | None = None


class Email(ResponseModel):
    id: str
    kind: Literal["low_credit", "handoff", "invoice"]
    to_address: str = Field(serialization_alias="to")
    subject: str
    status: Status
    error: str | None
    provider_id: str | None
    delivery: Delivery | None
    attempts: Count
    next_attempt_at: Time | None
    may_arrive_twice: bool = Field(
        description="Sent again though an attempt more than 24 hours before may have arrived"
    )
    created_at: Time
    sent_at: Time | None


@route("GET", "/v1/emails", {200: Page[Email]})
def listed(session: Session, query: EmailQuery) -> dict[str, Any]:
    """The workspace's mail, newest first."""
    rows = mailbox.listed(session, g.workspace_id, query.status, query.cursor, query.limit)
    return page([shown(row) for row in rows], query.limit)


@route("POST", "/v1/emails/<email_id>/retry", {202: Email, 409: ProblemDetails})
def retry(session: Session, email_id: str) -> Email:
    """Retry a FAILED mail (409: it is not); mayArriveTwice says whether an attempt more than 24 hours ago may have arrived."""
    own(session, email_id)
    if not mailbox.retry(session, email_id):
        raise Problem(409, "Only a FAILED mail can be retried.")
    return shown(own(session, email_id))


def own(session: Session, email_id: str) -> Row[Any]:
    """The mail, of the workspace or for an operator of any. Raises 404."""
    return or_404(mailbox.find(session, g.workspace_id, email_id))


def shown(row: Row[Any]) -> Email:
    """A mail as it is answered."""
    delivery = Delivery.read(row.Email, row.Email.delivery_error)
    return Email.of(row, row.Email, may_arrive_twice=row.Email.key_round > 1, delivery=delivery)
