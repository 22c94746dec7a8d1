"""Invoices from the operator's billing."""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from nightshift.db.models import Invoice
from nightshift.ids import new_id


def record(
    session: Session, workspace_id: str, number: str, amount_due: Decimal, currency: str, url: str
) -> tuple[Invoice, bool]:
    """The workspace's invoice with this number, and whether it is new. An existing one is not changed."""
    values = dict(number=number, amount_due=amount_due, currency=currency, url=url)
    new = insert(Invoice).values(id=new_id("inv"), workspace_id=workspace_id, **values)
    made = session.scalar(new.on_conflict_do_nothing(constraint="invoices_key").returning(Invoice.id))
    same = select(Invoice).where(Invoice.workspace_id == workspace_id, Invoice.number == number)
    return session.scalars(same).one(), made is not None
