"""Channels: put a vendor's credentials, list the channels, remove one. Credentials are never shown again."""

from typing import Annotated, Any, Literal, Self

from flask import g
from pydantic import WithJsonSchema, model_validator
from sqlalchemy.orm import Session

from nightshift.channels import CHANNELS, accounts
from web.error_responses import invalid, invalid_fields, not_found
from web.request_parsing import Line, RequestBody
from web.response_models import Page, ResponseModel, Time
from web.routing import route

ChannelType = Literal[*CHANNELS]  # type: ignore[valid-type]
MAX_FIELD_CHARACTERS = 4096
FIELD = {"type": "string", "minLength": 1, "maxLength": MAX_FIELD_CHARACTERS}
KINDS = [
    {"title": channel.type, "type": "object", "properties": dict.fromkeys(channel.fields, FIELD),
     "required": list(channel.fields), "additionalProperties": False}
    for channel in CHANNELS.values()
]  # fmt: skip


class CustomerNamed(RequestBody):
    """What names one customer of a channel: however a number is written, it is one customer."""

    channel_type: ChannelType
    customer_id: Line

    @model_validator(mode="after")
    def _in_one_form(self) -> Self:
        self.customer_id = CHANNELS[self.channel_type].customer(self.customer_id)
        return self


class Credentials(RequestBody):
    credentials: Annotated[dict[str, Any], WithJsonSchema({"anyOf": KINDS})]


class Channel(ResponseModel):
    """REFUSED until new credentials are put."""

    type: ChannelType
    state: Literal["ACTIVE", "REFUSED"]
    updated_at: Time


@route("PUT", "/v1/channels/<channel_type>", {204: None})
def put(session: Session, channel_type: str, body: Credentials) -> None:
    """Put a channel's credentials, which are never shown."""
    if channel_type not in CHANNELS:
        raise not_found()
    try:
        accounts.put(session, g.workspace_id, channel_type, _checked(channel_type, body.credentials))
    except ValueError as reason:
        field, _, rest = str(reason).partition(" ")
        raise invalid(f"credentials.{field.rstrip(':')}", rest) from None


@route("GET", "/v1/channels", {200: Page[Channel]})
def listed(session: Session) -> dict[str, Any]:
    """The channels that have credentials."""
    return {"items": accounts.listed(session, g.workspace_id), "next_cursor": None}


@route("DELETE", "/v1/channels/<channel_type>", {204: None})
def remove(session: Session, channel_type: str) -> None:
    """Delete a channel's credentials."""
    if not accounts.remove(session, g.workspace_id, channel_type):
        raise not_found()


def _checked(channel_type: str, given: dict[str, Any]) -> dict[str, str]:
    """Exactly this channel's fields, each a string. Raises 422, naming every field that is wrong."""
    fields = CHANNELS[channel_type].fields
    wrong = {name: "is not a credential of this channel" for name in given if name not in fields}
    wrong |= {name: "is missing" for name in fields if name not in given}
    for name in fields:
        if name in given and not (
            isinstance(given[name], str) and 1 <= len(given[name].strip()) <= MAX_FIELD_CHARACTERS
        ):
            wrong[name] = f"must be a string of 1 to {MAX_FIELD_CHARACTERS} characters"
    if wrong:
        errors = [{"field": f"credentials.{name}", "message": message} for name, message in wrong.items()]
        raise invalid_fields(errors)
    return {name: value.strip() for name, value in given.items()}
