"""What the tables share."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, LargeBinary, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention={"ix": "%(table_name)s_%(column_0_N_name)s", "uq": "%(table_name)s_key"})
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: TIMESTAMP(timezone=True),
        dict[str, Any]: JSONB,
        bytes: LargeBinary,
    }


def child_of(column: str) -> Any:
    """A foreign key whose row goes with its parent."""
    return ForeignKey(column, ondelete="CASCADE")
