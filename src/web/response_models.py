"""What responses are made of: their base model, times, counts and the pages of a list."""

import base64
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Generic, Literal, NamedTuple, Self, TypeVar

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, PlainSerializer, TypeAdapter, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import to_json

from nightshift.clock import rfc_3339

MAX_PAGE_BYTES = 1 << 20  # reached by the last row of a page, which is the only one that may go beyond

T = TypeVar("T")
Count = Annotated[int, Field(ge=0)]


Time = Annotated[datetime, PlainSerializer(rfc_3339), WithJsonSchema({"type": "string", "format": "date-time"})]


class Rendered(NamedTuple):
    """A response as it is sent, and kept for its Idempotency-Key."""

    body: str
    status: int
    headers: dict[str, str]


class ResponseModel(BaseModel):
    """A response, or a part of one. Its fields are read from a row's attributes and written in camelCase."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(serialization_alias=to_camel), from_attributes=True, serialize_by_alias=True
    )

    @classmethod
    def of(cls, *sources: Any, **fields: Any) -> Self:
        """Each field from `fields`, else from the first of `sources` that has an attribute of its name."""
        for name in cls.__pydantic_fields__.keys() - fields.keys():
            for source in sources:
                if (value := getattr(source, name, cls)) is not cls:
                    fields[name] = value
                    break
        return cls.model_validate(fields)


class Page(ResponseModel, Generic[T]):
    """A part of a list. `nextCursor`, where there is one, is the `cursor` of the next part."""

    items: list[T]
    next_cursor: str | None


def optional() -> Any:
    """A field that is left out where it is None."""
    return Field(default=None, exclude_if=lambda value: value is None)


def page(rows: Sequence[Any], limit: int, by: str = "id") -> dict[str, Any]:
    """The fields of a Page: `limit` rows, or fewer where they are large. The cursor stands for the last one's attribute `by`."""
    count = size = 0
    while count < len(rows) and size < MAX_PAGE_BYTES:
        size += len(to_json(rows[count], fallback=lambda row: None))  # a row of the database is small
        count += 1
    last = getattr(rows[count - 1], by) if count == limit or size >= MAX_PAGE_BYTES else None
    return {"items": rows[:count], "next_cursor": None if last is None else cursor_after(last)}


def cursor_after(last: Any) -> str:
    """The cursor of the part of a list that begins after the row that has this `by`."""
    return base64.urlsafe_b64encode(str(last).encode()).decode()


class Delivery(ResponseModel):
    """What became of it after the vendor accepted it. `at`: since when, by the vendor's clock where it says."""

    state: Literal["accepted", "delivered", "read", "failed"]
    at: Time
    error: str | None

    @classmethod
    def read(cls, row: Any, error: str | None) -> "Delivery | None":
        """From a row's `delivery_state` and `delivery_at`; None where no vendor has accepted it."""
        if row.delivery_state is None:
            return None
        return cls(state=row.delivery_state, at=row.delivery_at, error=error)


@cache
def adapter(model: Any) -> TypeAdapter[Any]:
    """Made once: that takes longer than to validate or to write a value."""
    return TypeAdapter(model)
