"""Channels, and the messages that go out through them."""

from datetime import datetime

from sqlalchemy import Index, Integer, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from nightshift import clock
from nightshift.db.models.base import Base, child_of


class ChannelAccount(Base):
    """A workspace's account with one vendor. `state`: ACTIVE, or REFUSED until new credentials are put."""

    __tablename__ = "channels"
    workspace_id: Mapped[str] = mapped_column(child_of("workspaces.id"), primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    credentials: Mapped[bytes]  # sealed to '<workspace id>/<type>'
    version: Mapped[int] = mapped_column(Integer)  # of the credentials: raised by each PUT
    state: Mapped[str] = mapped_column(default="ACTIVE")
    error: Mapped[str | None]  # why it is refused
    held_until: Mapped[datetime | None]  # the vendor asked to be left alone until then
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class Message(Base):
    """An agent's answer to a customer. `status`: RETRYING, SENT, FAILED; SENDING is shown while an attempt runs."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("messages_agent_id", "agent_id", "id"),
        Index("messages_workspace_id", "workspace_id", "created_at"),
        Index("messages_created_at", "created_at", postgresql_using="brin"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(child_of("workspaces.id"))
    agent_id: Mapped[str] = mapped_column(child_of("agents.id"))
    channel_type: Mapped[str]
    customer_id: Mapped[str]
    content: Mapped[str]
    status: Mapped[str] = mapped_column(default="RETRYING")
    provider_ids: Mapped[list[str]] = mapped_column(
        ARRAY(Text), default=list
    )  # the vendor's, of each part that was sent
    error: Mapped[str | None]
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
