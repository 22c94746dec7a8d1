"""Channels: put a vendor's credentials, list the channels, remove one. Credentials are never shown again."""

from typing import Annotated, Any, Literal, Self

from flask import g
from pydantic import Field, WithJsonSchema, model_validator
from sqlalchemy.orm import Session

from nightshift.channels import CHANNELS, accounts, probe
from nightshift.db.models import ChannelAccount
from nightshift.outbox import pauses
from web import background
from web.error_responses import invalid, invalid_fields, not_found
from web.request_parsing import MAX_FIELDS, Line, RequestBody
from web.response_models import Page, ResponseModel, Time
from web.routing import AfterCommit, route

ChannelType = Literal[*CHANNELS]  # type: ignore[valid-type]
MAX_FIELD_CHARACTERS = 4096
FIELD = {"type": "string", "minLength": 1, "maxLength": MAX_FIELD_CHARACTERS}
KINDS = [
    {"title": channel.type, "type": "object", "properties": dict.fromkeys((*channel.fields, *channel.optional), FIELD),
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
    credentials: Annotated[dict[str, Any], Field(max_length=MAX_FIELDS), WithJsonSchema({"anyOf": KINDS})]


class Test(ResponseModel):
    """The result of the newest test of these credentials."""

    at: Time
    ok: bool
    error: str | None


class Channel(ResponseModel):
    """REFUSED until new credentials are put, PAUSED until the pause is deleted; `reason` says why, `since` since when."""

    type: ChannelType
    state: Literal["ACTIVE", "REFUSED", "PAUSED"]
    since: Time
    reason: str | None
    test: Test | None
    updated_at: Time


class Hook(ResponseModel):
    """Where the vendor is to send delivery reports."""

    hook_url: str


class SubscribedHook(Hook):
    """The same of a vendor that asks for a token first."""

    verify_token: str


@route("PUT", "/v1/channels/<channel_type>", {204: None, 200: SubscribedHook | Hook})
def put(session: Session, channel_type: str, body: Credentials) -> tuple[AfterCommit, int]:
    """Put a channel's credentials, which are never shown, and test them."""
    if channel_type not in CHANNELS:
        raise not_found()
    try:
        account = accounts.put(session, g.workspace_id, channel_type, _checked(channel_type, body.credentials))
    except ValueError as reason:
        field, _, rest = str(reason).partition(" ")
        raise invalid(f"credentials.{field.rstrip(':')}", rest) from None
    hook = hook_of(account)
    return _then_test(account, hook), 200 if hook else 204


@route("POST", "/v1/channels/<channel_type>/test", {202: None})
def test(session: Session, channel_type: str) -> AfterCommit:
    """Test a channel's credentials by a harmless request; the list of channels shows the result."""
    account = session.get(ChannelAccount, (g.workspace_id, channel_type))
    if account is None or account.credentials is None:
        raise not_found()
    return _then_test(account, None)


@route("GET", "/v1/channels", {200: Page[Channel]})
def listed(session: Session) -> dict[str, Any]:
    """The channels that have credentials, or had some."""
    return {"items": [shown(session, row) for row in accounts.listed(session, g.workspace_id)], "next_cursor": None}


@route("DELETE", "/v1/channels/<channel_type>", {204: None})
def remove(session: Session, channel_type: str) -> None:
    """Delete a channel's credentials."""
    if not accounts.remove(session, g.workspace_id, channel_type):
        raise not_found()


def shown(session: Session, account: ChannelAccount) -> Channel:
    """A channel as it is answered."""
    if held := pauses.holding(session, accounts.JOB, account.workspace_id, accounts.lanes_of(account.type)):
        return Channel.of(held, account, state="PAUSED")
    return Channel.of(account, reason=account.error)


def hook_of(account: ChannelAccount) -> Hook | None:
    """None for a vendor that does not report."""
    channel = CHANNELS[account.type]
    place = (account.type, account.hook_id)
    url = accounts.hook_url(*place) or accounts.hook_path(*place)
    if channel.subscribes:
        return SubscribedHook(hook_url=url, verify_token=account.verify_token)
    return Hook(hook_url=url) if channel.reports else None


def _then_test(account: ChannelAccount, answer: Hook | None) -> AfterCommit:
    name = (account.workspace_id, account.type)
    of_these = (*name, account.version)  # new credentials do not wait for a test of the old ones

    def start() -> Hook | None:
        background.start(of_these, lambda: probe.test(*name))
        return answer

    return AfterCommit(answer, start)


def _checked(channel_type: str, given: dict[str, Any]) -> dict[str, str]:
    """This channel's fields, each a string, and maybe its optional ones. Raises 422, naming every field that is wrong."""
    channel = CHANNELS[channel_type]
    known = (*channel.fields, *channel.optional)
    wrong = {name: "is not a credential of this channel" for name in given if name not in known}
    wrong |= {name: "is missing" for name in channel.fields if name not in given}
    for name in known:
        if name in given and not (
            isinstance(given[name], str) and 1 <= len(given[name].strip()) <= MAX_FIELD_CHARACTERS
        ):
            wrong[name] = f"must be a string of 1 to {MAX_FIELD_CHARACTERS} characters"
    if wrong:
        errors = [{"field": f"credentials.{name}", "message": message} for name, message in wrong.items()]
        raise invalid_fields(errors)
    return {name: value.strip() for name, value in given.items()}
