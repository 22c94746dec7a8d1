"""Pauses: a workspace's channel, or the operator's whole queue, is not worked on until it is resumed."""

from typing import Any

from flask import g
from pydantic import ConfigDict
from sqlalchemy.orm import Session

from nightshift.channels.accounts import JOB, lanes_of
from nightshift.db import models
from nightshift.outbox import pauses
from runner.operations import queues
from runner.registry import QUEUES
from web.api.channels import ChannelType
from web.error_responses import Problem, ProblemDetails, invalid, not_found
from web.request_parsing import Line, RequestBody
from web.response_models import Page, ResponseModel, Time
from web.routing import route


class NewPause(RequestBody):
    model_config = ConfigDict(json_schema_extra={"examples": [{"channelType": "WHATSAPP", "reason": "Holiday"}]})

    queue: str | None = None
    channel_type: ChannelType | None = None
    reason: Line


class Pause(ResponseModel):
    id: str
    queue: str | None
    channel_type: ChannelType | None
    reason: str
    since: Time


@route("POST", "/v1/pauses", {201: Pause, 200: Pause, 403: ProblemDetails}, access="either")
def create(session: Session, body: NewPause) -> tuple[models.Pause, int]:
    """Pause a channel of the workspace, or a queue (operator key); one that is paused already: 200, and the new reason."""
    if body.channel_type is None and body.queue is None:
        raise invalid("channelType", "is missing (or, with the operator's key, queue)")
    if body.channel_type and body.queue:
        raise invalid("queue", "cannot be given together with channelType")
    paused, is_new = _channel(session, body) if body.channel_type else _queue(session, body)
    return paused, 201 if is_new else 200


@route("GET", "/v1/pauses", {200: Page[Pause]}, access="either")
def listed(session: Session) -> dict[str, Any]:
    """The workspace's paused channels; with the operator's key the paused queues."""
    return {"items": pauses.listed(session, g.workspace_id), "next_cursor": None}


@route("DELETE", "/v1/pauses/<pause_id>", {204: None}, access="either")
def resume(session: Session, pause_id: str) -> None:
    """End a pause. What was held is done now, in its order; the time does not count toward a message's hour."""
    if not pauses.resume(session, pause_id, g.workspace_id):
        raise not_found()


def _channel(session: Session, body: NewPause) -> tuple[models.Pause, bool]:
    kind, workspace_id = str(body.channel_type), g.workspace_id
    if workspace_id is None:
        raise invalid("channelType", "belongs to a workspace: pause it with a key of that workspace")
    return pauses.pause(session, [JOB], body.reason, workspace_id=workspace_id, lanes=lanes_of(kind), channel_type=kind)


def _queue(session: Session, body: NewPause) -> tuple[models.Pause, bool]:
    if g.workspace_id is not None:
        raise Problem(403, "Only the operator can pause a queue.")
    if body.queue not in QUEUES:
        raise invalid("queue", f"must be one of {', '.join(QUEUES)}")
    return queues.pause(session, body.queue, body.reason)
