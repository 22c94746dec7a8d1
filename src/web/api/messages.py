"""Messages: send one to a customer, watch it, find it, retry it or all that match."""

import time
from threading import Thread
from typing import Annotated, Any, Literal

from flask import g
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints
from sqlalchemy import Row
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session

from jobs.webhook_retry import retry_send
from nightshift.channels import bulk_retry, message_list, messages
from nightshift.channels.message_list import Filters
from nightshift.channels.messages import NoCredentials
from nightshift.db.session import transaction
from nightshift.outbox import Lease
from runner.run import run_here
from web.access import own_agent
from web.api.channels import ChannelType, CustomerNamed
from web.draining import draining
from web.error_responses import Problem, ProblemDetails, invalid, or_404
from web.limiters import ConcurrencyLimiter, until_answered
from web.request_parsing import FilteredQuery, Line, Parameters, Prose, RequestBody, Since, Until
from web.response_models import MAX_PAGE_BYTES, Count, Delivery, Page, ResponseModel, Time, page
from web.routing import AfterCommit, route

TRY_SECONDS = 12.0  # of a request's 15 s, for the vendor
WAIT_SECONDS = 13.5  # until then its end is waited for, if Postgres is not available at once
sending = ConcurrencyLimiter(8, total=32)  # attempts inside requests, of one workspace and in this process

MAX_IDS = 200  # of messages chosen one by one

Status = Literal[*message_list.STATUSES]  # type: ignore[valid-type]


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


class NewMessage(CustomerNamed):
    customer_id: Annotated[Line, StringConstraints(max_length=255)]
    content: Annotated[Prose, StringConstraints(max_length=100_000), AfterValidator(_not_blank)]


class Matching(Parameters):
    """Which messages; what is left out restricts nothing."""

    channel_type: ChannelType | None = None
    customer_id: Line | None = None
    error: Annotated[Line | None, Field(description="A part of the error, in any case")] = None
    since: Annotated[Since | None, Field(alias="from", description="Accepted then or later: a day (UTC) or a time")] = (
        None
    )
    until: Annotated[Until | None, Field(alias="to", description="Accepted then or before: a day or a time")] = None
    content: Annotated[Line | None, Field(alias="q", description="A part of the text, in any case")] = None

    def filters(self, **more: Any) -> Filters:
        return Filters(**{name: getattr(self, name) for name in Matching.model_fields}, **more)


class MessageQuery(Matching, FilteredQuery):
    status: Status | None = None


class BulkRetry(Matching, RequestBody):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "FAILED", "channelType": "WHATSAPP", "dryRun": True}]}
    )

    status: Literal["FAILED"] = "FAILED"
    ids: Annotated[list[Line] | None, Field(max_length=MAX_IDS)] = None
    dry_run: Annotated[bool, Field(description="Only say what it would do")] = False


class Attempt(ResponseModel):
    at: Time
    outcome: Literal["sent", "failed", "unknown"]
    http_status: Count | None
    error: str | None


class Message(ResponseModel):
    """SENDING while an attempt runs. A RETRYING one that waits behind an earlier message has no attempts."""

    id: str
    agent_id: str
    status: Status
    channel_type: ChannelType
    customer_id: str
    content: str
    provider_ids: list[str]
    attempts: list[Attempt]
    delivery: Delivery | None
    next_attempt_at: Time | None
    error: str | None
    created_at: Time


class Preview(ResponseModel):
    """What a retry of all that match would do. Of `mayArriveTwice` an attempt's answer was lost; they come first in `sample`."""

    matched: Count
    may_arrive_twice: Count
    sample: list[Message]


class Queued(ResponseModel):
    queued: Count


def _current(session: Session, kept: dict[str, Any]) -> Message:
    """What a repeated request gets while the first one is sending, or after it died: the message as it is now."""
    return shown(own(session, kept["id"]))


@route("POST", "/v1/agents/<agent_id>/messages", {201: Message}, on_repeat=_current)
def accept(session: Session, agent_id: str, body: NewMessage) -> Message | AfterCommit:
    """Send a message to a customer: tried at once, then retried for an hour."""
    begun = time.monotonic()
    own_agent(session, agent_id)
    permit = None if draining.is_set() else sending.acquire(g.workspace_id)
    if permit:
        until_answered(permit)
    try:
        message_id, lease = messages.accept(
            session, g.workspace_id, agent_id, **body.model_dump(), try_now=permit is not None
        )
    except NoCredentials:
        raise invalid("channelType", "has no credentials: PUT them to /v1/channels first") from None
    so_far = shown(own(session, message_id))
    return AfterCommit(so_far, lambda: _tried(lease, begun)) if lease else so_far


@route("GET", "/v1/agents/<agent_id>/messages", {200: Page[Message]})
def listed(session: Session, agent_id: str, query: MessageQuery) -> dict[str, Any]:
    """An agent's messages that match, newest first."""
    own_agent(session, agent_id)
    filters = query.filters(status=query.status)
    rows = message_list.listed(session, g.workspace_id, agent_id, filters, query.cursor, query.limit, MAX_PAGE_BYTES)
    return page([shown(row) for row in rows], query.limit)


@route("POST", "/v1/agents/<agent_id>/messages/retry", {202: Queued, 200: Preview})
def retry_all(session: Session, agent_id: str, body: BulkRetry) -> tuple[Queued | Preview, int]:
    """Retry all FAILED messages that match, 30 a second, in the order of each customer; `dryRun` only says which."""
    own_agent(session, agent_id)
    which = (session, g.workspace_id, agent_id, body.filters(ids=body.ids))
    if not body.dry_run:
        return Queued(queued=bulk_retry.retry_all(*which)), 202
    found = bulk_retry.preview(*which)
    return Preview.of(found, sample=[shown(row) for row in found.sample]), 200


@route("GET", "/v1/messages/<message_id>", {200: Message})
def show(session: Session, message_id: str) -> Message:
    """One message and its attempts."""
    return shown(own(session, message_id))


@route("POST", "/v1/messages/<message_id>/retry", {202: Message, 409: ProblemDetails})
def retry(session: Session, message_id: str) -> Message:
    """Retry a FAILED message (409: it is not), with all attempts."""
    own(session, message_id)
    if not messages.retry(session, message_id):
        raise Problem(409, "Only a FAILED message can be retried.")
    return shown(own(session, message_id))


def _tried(lease: Lease, begun: float) -> Message:
    """The message after its first try, which runs here, between two transactions."""
    lease.ends = begun + TRY_SECONDS
    attempt = Thread(target=run_here, args=(retry_send, lease), daemon=True)
    attempt.start()
    attempt.join(begun + WAIT_SECONDS - time.monotonic())
    if attempt.is_alive():  # it writes what the vendor answered when Postgres is back
        raise NoConnection
    with transaction() as session:
        return shown(own(session, lease.row_id))


def own(session: Session, message_id: str) -> Row[Any]:
    """The workspace's message. Raises 404."""
    return or_404(message_list.find(session, g.workspace_id, message_id))


def shown(row: Row[Any]) -> Message:
    """A row of `message_list` as it is answered."""
    provider_ids = [provider_id for provider_id in row.provider_ids if provider_id]
    error = row.error if row.delivery_state == "failed" else None
    return Message.of(row, provider_ids=provider_ids, delivery=Delivery.read(row, error))
