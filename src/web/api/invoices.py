"""Invoices, which the operator's billing announces."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator
from sqlalchemy.orm import Session

from nightshift import invoices, mail
from nightshift.db import models
from nightshift.mail.kinds import decimals, web_address
from web.error_responses import or_404
from web.request_parsing import Line, RequestBody, written_as
from web.response_models import ResponseModel, Time
from web.routing import route

Amount = Annotated[
    Decimal,
    Field(
        ge=0, max_digits=15,
        description="Of the currency's main unit, at most two decimals, three where the currency has thousandths: 129.5 or"
        " '129.50' EUR are 129 euro and 50 cents, 12.345 KWD 12 dinar and 345 fils",
    ),
]  # fmt: skip
CODE = written_as("^[A-Z]{3}$", "a code of three capital letters, as EUR")
Currency = Annotated[str, *CODE, Field(description="ISO 4217, as EUR")]


class NewInvoice(RequestBody):
    number: Annotated[Line, StringConstraints(max_length=100)]
    currency: Currency
    amount_due: Amount
    url: Annotated[str, AfterValidator(web_address), Field(description="Where a person opens it: http or https")]

    @field_validator("amount_due")
    @classmethod
    def _fits_the_currency(cls, amount: Decimal, info: ValidationInfo) -> Decimal:
        currency = info.data.get("currency", "")  # absent where it is not valid itself
        if round(amount, allowed := decimals(currency)) != amount:
            raise ValueError(f"must have at most {allowed} decimals in {currency or 'this currency'}")
        return amount


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
