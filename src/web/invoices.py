"""Invoices, which the operator's billing announces."""

from decimal import Decimal
from typing import Annotated, Any

from flask import Blueprint
from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy.orm import Session

from nightshift import invoices, mail
from nightshift.db.models import Invoice, Workspace
from nightshift.mail.kinds import web_address
from web import asking
from web.writing import Answer, writes

blueprint = Blueprint("invoices", __name__, url_prefix="/v1")
Amount = Annotated[
    Decimal,
    Field(
        ge=0, max_digits=15, decimal_places=2,
        description="Of the currency's main unit, at most two decimals: 129.5 or '129.50' EUR are 129 euro and 50 cents",
    ),
]  # fmt: skip
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$"), Field(description="ISO 4217, as EUR")]


class NewInvoice(asking.Body):
    number: Annotated[asking.Line, StringConstraints(max_length=100)]
    amount_due: Amount
    currency: Currency
    url: Annotated[str, AfterValidator(web_address), Field(description="Where a person opens it: http or https")]


@blueprint.post("/workspaces/<workspace_id>/invoices")
@writes
def announce(session: Session, workspace_id: str) -> Answer:
    asking.found(session.get(Workspace, workspace_id))
    new: NewInvoice = asking.body(NewInvoice)
    values = new.model_dump(by_alias=False)
    invoice, first = invoices.record(session, workspace_id, **values)
    if first:
        mail.enqueue(session, workspace_id, "invoice", invoice.number, **values)
    return _shown(invoice), 201 if first else 200


def _shown(invoice: Invoice) -> dict[str, Any]:
    return {
        "id": invoice.id,
        "number": invoice.number,
        "amountDue": float(invoice.amount_due),  # 15 digits: exact as a JSON number
        "currency": invoice.currency,
        "url": invoice.url,
        "createdAt": asking.time(invoice.created_at),
    }
