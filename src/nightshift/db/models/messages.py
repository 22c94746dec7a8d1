"""Channels, and the messages that go out through them."""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from nightshift import clock
from nightshift.db.models.base import Base, WithCustomer, child_of


class ChannelAccount(Base):
    """A workspace's account with one vendor. `state`: ACTIVE, or REFUSED until new credentials are put."""

    __tablename__ = "channels"
    workspace_id: Mapped[str] = mapped_column(child_of("workspaces.id"), primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    credentials: Mapped[bytes | None]  # sealed to '<workspace id>/<type>'; None: they were removed
    version: Mapped[int] = mapped_column(Integer)  # of the credentials: raised by each PUT
    state: Mapped[str] = mapped_column(default="ACTIVE")
    error: Mapped[str | None]  # why it is refused
    held_until: Mapped[datetime | None]  # the vendor asked to be left alone until then
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)
    since: Mapped[datetime] = mapped_column(default=clock.now)  # when this state began
    test: Mapped[dict[str, Any] | None]  # of the credentials: at, ok, error
    hook_id: Mapped[str] = mapped_column(default=lambda: secrets.token_hex(16))  # of the address for delivery reports
    verify_token: Mapped[str] = mapped_column(default=lambda: secrets.token_hex(16))  # Meta checks the address by it


class Message(WithCustomer, Base):
    """An agent's answer to a customer. `status`: RETRYING, SENT, FAILED; SENDING is shown while an attempt runs."""

    __tablename__ = "messages"
    content: Mapped[str]
    status: Mapped[str] = mapped_column(default="RETRYING")
    # The vendor's, of each part that was sent; None: of a part that is to be sent again
    provider_ids: Mapped[list[str | None]] = mapped_column(ARRAY(Text), default=list)
    error: Mapped[str | None]
    delivery_state: Mapped[str | None]  # None until the vendor accepted it; of several parts, the least of theirs
    delivery_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class MessageAttempt(Base):
    """One attempt, written before the call. `outcome`: sent, failed, or unknown where the answer was lost."""

    __tablename__ = "message_attempts"
    message_id: Mapped[str] = mapped_column(child_of("messages.id"), primary_key=True)
    generation: Mapped[int] = mapped_column(Integer, primary_key=True)  # of the lease it ran under
    at: Mapped[datetime]
    credentials_version: Mapped[int] = mapped_column(Integer)  # that it was made with
    outcome: Mapped[str]
    http_status: Mapped[int | None] = mapped_column(Integer)
    error: Mapped[str | None]


class Delivery(Base):
    """One copy of one part at the vendor, and how far it got: accepted, failed, delivered, read.

    Written when the vendor accepts a part, and when it reports. `message_id` is None while the copy is unknown: of another
    system, or reported before its acceptance is written. `applied`: the message shows it.
    """

    __tablename__ = "deliveries"
    workspace_id: Mapped[str] = mapped_column(child_of("workspaces.id"), primary_key=True)
    channel_type: Mapped[str] = mapped_column(primary_key=True)
    provider_id: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str | None] = mapped_column(child_of("messages.id"))
    part: Mapped[int | None] = mapped_column(Integer)  # the first is 1
    generation: Mapped[int | None] = mapped_column(Integer)  # of the attempt that sent it
    state: Mapped[str]
    at: Mapped[datetime]
    error_kind: Mapped[str | None]  # the class of the error that a failure means
    error: Mapped[str | None]
    applied: Mapped[bool]
    created_at: Mapped[datetime]
