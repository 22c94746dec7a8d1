"""GET /v1/events: what happens in a workspace, as server-sent events."""

import json
import select
import socket
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from threading import Lock
from typing import Annotated, Any

from flask import Response, g, request
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from nightshift import events
from nightshift.db import models
from nightshift.db.session import transaction
from web.draining import stopping
from web.error_responses import Problem, ProblemDetails
from web.limiters import MAX_STREAMS, ConcurrencyLimiter
from web.notifications import NotificationListener
from web.request_parsing import Parameters, written_as
from web.routing import route

MAX_STREAMS_OF_A_WORKSPACE = 120
COMMENT_SECONDS = 15
POLL_SECONDS = 0.5  # a broken connection may lose a notification
BATCH_SECONDS = 0.05  # between two looks: of a crowd of events many go out together

_streams = ConcurrencyLimiter(MAX_STREAMS_OF_A_WORKSPACE, total=MAX_STREAMS)
_notifications = NotificationListener(events.CHANNEL)
_reading = Lock()


class Resume(Parameters):
    last_event_id: Annotated[
        Annotated[str, *written_as("^[0-9]{1,18}$", "the id of an event")] | None,
        Field(alias="Last-Event-ID", description="Resume after this event"),
    ] = None


@route("GET", "/v1/events", {200: None, 400: ProblemDetails}, media_type="text/event-stream")
def stream(headers: Resume) -> Response:
    """What happens in the workspace, as server-sent events."""
    listening = partial(_is_listening, request.environ.get("gunicorn.socket"))
    permit = _streams.acquire(g.workspace_id, listening)
    if permit is None:
        raise Problem(503, "Too many event streams are open.", headers={"Retry-After": "5"})
    try:
        with transaction() as session:
            newest = events.newest(session, g.workspace_id)
        seq = newest if headers.last_event_id is None else int(headers.last_event_id)
        if seq > newest:
            raise Problem(400, f"Last-Event-ID: the newest event of this workspace is {newest}.")
    except BaseException:
        permit.release()
        raise
    no_buffering = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    follow = _follow(g.workspace_id, g.key_id, seq, listening)
    response = Response(follow, mimetype="text/event-stream", headers=no_buffering)
    response.call_on_close(permit.release)
    return response


def _is_listening(client: socket.socket | None) -> bool:
    """Whether the client is still there, by a look at its socket that takes nothing from it."""
    if client is None:
        return True
    try:
        readable = select.poll()
        readable.register(client, select.POLLIN)
        return not readable.poll(0) or client.recv(1, socket.MSG_PEEK) != b""
    except (OSError, ValueError):  # reset, or closed
        return False


def _follow(workspace_id: str, key_id: str, seq: int, listening: Any) -> Iterator[str]:
    yield ": connected\n\n"
    comment_at = time.monotonic() + COMMENT_SECONDS
    try:
        while listening() and not stopping.is_set():
            seen = _notifications.count(workspace_id)
            with _reading:
                fresh, keys = _read(workspace_id, seq, seen, int(time.monotonic() / POLL_SECONDS))
            if key_id not in keys:
                return  # the key was deleted
            for event in fresh:
                seq = event.seq
                yield f"id: {seq}\nevent: {event.name}\ndata: {json.dumps(event.data)}\n\n"
            if time.monotonic() >= comment_at:
                yield ": still here\n\n"
                comment_at = time.monotonic() + COMMENT_SECONDS
            if fresh:
                stopping.wait(BATCH_SECONDS)
            else:
                _notifications.wait(workspace_id, seen, POLL_SECONDS)
    except SQLAlchemyError:
        return  # the database is not available: the client reconnects with its Last-Event-ID


@lru_cache(maxsize=64)
def _read(workspace_id: str, seq: int, seen: int, poll: int) -> tuple[Sequence[Any], frozenset[str]]:
    """The events after `seq` and the workspace's keys, read once for all streams that stand at the same place."""
    with transaction() as session:
        keys = session.query(models.ApiKey.id).filter_by(workspace_id=workspace_id)
        return events.after(session, workspace_id, seq), frozenset(key.id for key in keys)
