"""Credits: how many there are, using some, what changed them."""

from typing import Annotated, Any, Literal

from flask import g
from pydantic import Field
from sqlalchemy import Row
from sqlalchemy.orm import Session

from nightshift import mail
from nightshift.billing import credits
from web.error_responses import Problem, ProblemDetails
from web.idempotency import RequiredKey, used_for_another_request
from web.request_parsing import Line, NumberedPageQuery, RequestBody
from web.response_models import Count, Page, ResponseModel, Time, page
from web.routing import route


class NewUsage(RequestBody):
    amount: Annotated[int, Field(ge=1, le=10**15, strict=True)]
    reason: Line


class Credits(ResponseModel):
    balance: Count
    monthly_grant: Count
    low_threshold: Count


class NotEnoughCredits(ProblemDetails):
    balance: Count


class LedgerEntry(ResponseModel):
    id: str
    kind: Literal["grant", "usage"]
    amount: int
    reason: str
    month: str | None
    created_at: Time


@route("GET", "/v1/credits", {200: Credits})
def show(session: Session) -> Row[Any]:
    """The workspace's credits."""
    return credits.show(session, g.workspace_id)


@route("POST", "/v1/credits/usage", {200: Credits, 409: NotEnoughCredits})
def use(session: Session, body: NewUsage, headers: RequiredKey) -> Row[Any]:
    """Use credits, once for each Idempotency-Key (409: there are not enough)."""
    try:
        usage = credits.use(session, g.workspace_id, body.amount, body.reason, headers.idempotency_key)
    except credits.NotEnough as error:
        detail = f"There are {error.balance} credits left, fewer than {body.amount}."
        raise Problem(409, detail, balance=error.balance) from None
    except credits.OtherUsage:
        raise used_for_another_request() from None
    if usage.low_since is not None:
        values = dict(balance=usage.credits.balance, threshold=usage.credits.low_threshold)
        mail.enqueue(session, g.workspace_id, "low_credit", str(usage.low_since), **values)
    return usage.credits


@route("GET", "/v1/credits/ledger", {200: Page[LedgerEntry]})
def ledger(session: Session, query: NumberedPageQuery) -> dict[str, Any]:
    """What changed the balance, newest first."""
    rows = credits.entries(session, g.workspace_id, query.cursor, query.limit)
    items = [LedgerEntry.of(row, id=f"led_{row.id}", month=row.key if row.kind == "grant" else None) for row in rows]
    return page(rows, query.limit) | {"items": items}
