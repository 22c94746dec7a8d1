"""Mail that goes out, and the invoices some of it is about."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Numeric
from sqlalchemy.orm import Mapped, mapped_column

from nightshift import clock
from nightshift.db.models.base import Base, OfWorkspace


class Email(OfWorkspace, Base):
    """One mail to a workspace's contact. `status`: PENDING, SENT, FAILED."""

    __tablename__ = "emails"
    kind: Mapped[str]  # low_credit, handoff, invoice
    key: Mapped[str]  # of its cause, as invoice/<number>: there is one mail for each
    to_address: Mapped[str]  # as it was when the cause came, or when it was retried
    subject: Mapped[str]
    html: Mapped[str] = mapped_column(deferred=True)
    text: Mapped[str] = mapped_column(deferred=True)
    status: Mapped[str] = mapped_column(default="PENDING")
    provider_id: Mapped[str | None]  # Resend's; 'captured' where there is no key and nothing left the machine
    error: Mapped[str | None]  # of the last try that failed
    key_round: Mapped[int] = mapped_column(default=1)  # above 1: sent again though an earlier attempt may have arrived
    maybe_sent_at: Mapped[datetime | None]  # the first try of this round that may have arrived: nobody said it did not
    delivery_state: Mapped[str | None]  # what Resend reports: accepted, delivered, read, failed
    delivery_at: Mapped[datetime | None]
    delivery_error: Mapped[str | None]  # why it failed, or that it was marked as spam
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    sent_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class Invoice(OfWorkspace, Base):
    """An invoice as the operator announced it."""

    __tablename__ = "invoices"
    number: Mapped[str]
    amount_due: Mapped[Decimal] = mapped_column(Numeric(18, 3))  # of the currency's main unit
    currency: Mapped[str]  # ISO 4217
    url: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
