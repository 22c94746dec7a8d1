"""Messages: send one to a customer, watch, send again."""

import time
from functools import partial
from typing import Annotated, Any, Literal

from flask import Blueprint, g
from pydantic import AfterValidator, StringConstraints
from sqlalchemy.orm import Session

from jobs.webhook_retry import retry_send
from nightshift.channels import CHANNELS, messages
from nightshift.channels.messages import NoCredentials, View
from nightshift.db.session import transaction
from nightshift.outbox import Lease
from runner.run import run_here
from web import asking
from web.asking import own_agent
from web.places import Places
from web.problems import Problem, invalid
from web.writing import Answer, Later, writes

blueprint = Blueprint("messages", __name__, url_prefix="/v1")
TRY_SECONDS = 12.0  # of a request's 15 s, for the vendor
WRITTEN_SECONDS = 13.5  # then it is given up to write down a failure, should Postgres be away
places = Places(all_together=32, each=8)  # tries under way in this process, of a workspace: threads stay for the others

ChannelType = Literal[*CHANNELS]  # type: ignore[valid-type]
CustomerId = Annotated[asking.Line, StringConstraints(max_length=255)]


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


class NewMessage(asking.Body):
    channel_type: ChannelType
    customer_id: CustomerId
    content: Annotated[asking.Prose, StringConstraints(max_length=100_000), AfterValidator(_not_blank)]


def _again(session: Session, kept: dict[str, Any]) -> dict[str, Any]:
    """What a repeated request hears: the first answer, or the message as it is now where there was none to hear yet."""
    return shown(_own(session, kept["id"])) if kept["status"] == "SENDING" else kept


@blueprint.post("/agents/<agent_id>/messages")
@partial(writes, again=_again)
def accept(session: Session, agent_id: str) -> Answer:
    begun = time.monotonic()
    own_agent(session, agent_id)
    new: NewMessage = asking.body(NewMessage)
    try:
        told = new.model_dump(by_alias=False)
        message_id, lease = messages.accept(
            session, g.workspace_id, agent_id, **told, try_now=places.take(g.workspace_id)
        )
    except NoCredentials:
        raise invalid("channelType", "has no credentials here: PUT them to /v1/channels first") from None
    so_far = shown(_own(session, message_id))
    return Later(so_far, lambda: _tried(lease, begun)) if lease else so_far, 201


@blueprint.get("/agents/<agent_id>/messages")
def listed(agent_id: str) -> dict[str, Any]:
    status, size, before = asking.status(messages.STATUSES), asking.limit(), asking.cursor()
    with transaction() as session:
        own_agent(session, agent_id)
        views = messages.listed(session, agent_id, status, before, size)
    return asking.page([shown(view) for view in views], size)


@blueprint.get("/messages/<message_id>")
def show(message_id: str) -> dict[str, Any]:
    with transaction() as session:
        return shown(_own(session, message_id))


@blueprint.post("/messages/<message_id>/retry")
@writes
def retry(session: Session, message_id: str) -> Answer:
    _own(session, message_id)
    if not messages.retry(session, message_id):
        raise Problem(409, "Only a message that has FAILED can be sent again.")
    return shown(_own(session, message_id)), 202


def _tried(lease: Lease, begun: float) -> dict[str, Any]:
    """The message after its first try, which happens here, between two transactions."""
    lease.ends, lease.write_until = begun + TRY_SECONDS, begun + WRITTEN_SECONDS
    run_here(retry_send, lease)
    with transaction() as session:
        return shown(_own(session, lease.row_id))


def _own(session: Session, message_id: str) -> View:
    return asking.found(messages.find(session, g.workspace_id, message_id))


def shown(view: View) -> dict[str, Any]:
    """A message as its owner sees it."""
    message = view.message
    return {
        "id": message.id,
        "agentId": message.agent_id,
        "status": view.status,
        "channelType": message.channel_type,
        "customerId": message.customer_id,
        "content": message.content,
        "providerIds": [provider_id for provider_id in message.provider_ids if provider_id],
        "attempts": [
            {"at": asking.time(a.at), "outcome": a.outcome, "httpStatus": a.http_status, "error": a.error}
            for a in view.attempts
        ],
        "nextAttemptAt": asking.time(view.next_attempt_at),
        "error": message.error,
        "createdAt": asking.time(message.created_at),
    }
