"""Invoices, which the operator's billing announces."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy.orm import Session

from nightshift import invoices, mail
from nightshift.db import models
from nightshift.mail.kinds import web_address
from web.error_responses import or_404
from web.request_parsing import Line, RequestBody
from web.response_models import ResponseModel, Time
from web.routing import route

Amount = Annotated[
    Decimal,
    Field(
        ge=0, max_digits=15, decimal_places=2,
        description="Of the currency's main unit, at most two decimals: 129.5 or '129.50' EUR are 129 euro and 50 cents",
    ),
]  # fmt: skip
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$"), Field(description="ISO 4217, as EUR")]


class NewInvoice(RequestBody):
    number: Annotated[Line, StringConstraints(max_length=100)]
    amount_due: Amount
    currency: Currency
    url: Annotated[str, AfterValidator(web_address), Field(description="Where a person opens it: http or https")]


class Invoice(ResponseModel):
    id: str
    number: str
    amount_due: float = Field(ge=0, description="Of the currency's main unit")  # 15 digits: exact as a JSON number
    currency: str
    url: str
    created_at: Time


@route("POST", "/v1/workspaces/<workspace_id>/invoices", {201: Invoice, 200: Invoice}, access="operator")
def announce(session: Session, workspace_id: str, body: NewInvoice) -> tuple[models.Invoice, int]:
    """Announce an invoice by mail. The same number again: 200, the first one's values and no second mail."""
    or_404(session.get(models.Workspace, workspace_id))
    values = body.model_dump()
    invoice, is_new = invoices.record(session, workspace_id, **values)
    if is_new:
        mail.enqueue(session, workspace_id, "invoice", invoice.number, **values)
    return invoice, 201 if is_new else 200
