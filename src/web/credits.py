"""Credits: how many, using some, what changed them."""

from typing import Annotated, Any

from flask import Blueprint, g, request
from pydantic import Field
from sqlalchemy.orm import Session

from nightshift import mail
from nightshift.billing import credits
from nightshift.db.models import LedgerEntry
from nightshift.db.session import transaction
from web import asking
from web.problems import Problem, invalid
from web.writing import Answer, writes

blueprint = Blueprint("credits", __name__, url_prefix="/v1/credits")


class NewUsage(asking.Body):
    amount: Annotated[int, Field(ge=1, le=10**15, strict=True)]
    reason: asking.Line


@blueprint.get("")
def show() -> dict[str, int]:
    with transaction() as session:
        return _credits(credits.show(session, g.workspace_id))


@blueprint.post("/usage")
@writes
def use(session: Session) -> Answer:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        raise invalid("Idempotency-Key", "is required, so that a request sent twice is charged once")
    new: NewUsage = asking.body(NewUsage)
    try:
        usage = credits.use(session, g.workspace_id, new.amount, new.reason, key)
    except credits.NotEnough as error:
        detail = f"There are {error.balance} credits left, fewer than {new.amount}."
        raise Problem(409, detail, more={"balance": error.balance}) from None
    except credits.OtherUsage:
        raise invalid("Idempotency-Key", "was used for another request") from None
    if usage.low_since is not None:
        told = dict(balance=usage.credits.balance, threshold=usage.credits.low_threshold)
        mail.enqueue(session, g.workspace_id, "low_credit", str(usage.low_since), **told)
    return _credits(usage.credits), 200


@blueprint.get("/ledger")
def ledger() -> dict[str, Any]:
    size, cursor = asking.limit(), asking.cursor()
    before = cursor and cursor.removeprefix("led_")
    if before is not None and not (before.isdecimal() and len(before) < 19):
        raise invalid("cursor", "is not one that a list has given")
    with transaction() as session:
        rows = credits.entries(session, g.workspace_id, None if before is None else int(before), size)
    return asking.page([_entry(row) for row in rows], size)


def _credits(found: credits.Credits) -> dict[str, int]:
    return {
        "balance": found.balance, "monthlyGrant": found.monthly_grant, "lowThreshold": found.low_threshold
    }  # fmt: skip


def _entry(row: LedgerEntry) -> dict[str, Any]:
    return {
        "id": f"led_{row.id}",
        "kind": row.kind,
        "amount": row.amount,
        "reason": row.reason,
        "month": row.key if row.kind == "grant" else None,
        "createdAt": asking.time(row.created_at),
    }
