"""What the tables share."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: TIMESTAMP(timezone=True),
        dict[str, Any]: JSONB,
        bytes: LargeBinary,
    }


def child_of(column: str) -> Any:
    """A foreign key whose row goes with its parent."""
    return ForeignKey(column, ondelete="CASCADE")


class OfWorkspace:
    """What belongs to a workspace."""

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(child_of("workspaces.id"))


class OfAgent(OfWorkspace):
    """What belongs to an agent of a workspace."""

    agent_id: Mapped[str] = mapped_column(child_of("agents.id"))


class WithCustomer(OfAgent):
    """What is between an agent and a customer of a channel."""

    channel_type: Mapped[str]
    customer_id: Mapped[str]
