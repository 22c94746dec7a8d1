"""GET /v1/events: what happens in a workspace, as server-sent events."""

import json
import time
from collections.abc import Iterator
from threading import BoundedSemaphore, Event
from typing import Annotated

from flask import Response, g
from pydantic import Field, StringConstraints
from sqlalchemy.exc import SQLAlchemyError

from nightshift import events
from nightshift.db.models import ApiKey
from nightshift.db.session import transaction
from web.error_responses import Problem, ProblemDetails
from web.notifications import NotificationListener
from web.request_parsing import Parameters
from web.routing import route

MAX_STREAMS = 40  # each holds one of gunicorn's threads; the rest stay for requests
COMMENT_SECONDS = 15
POLL_SECONDS = 1.0  # a broken connection may lose a notification

stopping = Event()  # set by gunicorn's hook: an open stream must not delay a stop
_free_streams = BoundedSemaphore(MAX_STREAMS)
_notifications = NotificationListener(events.CHANNEL)


class Resume(Parameters):
    last_event_id: Annotated[
        Annotated[str, StringConstraints(pattern="^[0-9]{1,18}$")] | None,
        Field(alias="Last-Event-ID", description="Resume after this event"),
    ] = None


@route("GET", "/v1/events", {200: None, 400: ProblemDetails}, media_type="text/event-stream")
def stream(headers: Resume) -> Response:
    """What happens in the workspace, as server-sent events."""
    if not _free_streams.acquire(blocking=False):
        raise Problem(503, "Too many event streams are open.", headers={"Retry-After": "5"})
    try:
        with transaction() as session:
            newest = events.newest(session, g.workspace_id)
        seq = newest if headers.last_event_id is None else int(headers.last_event_id)
        if seq > newest:
            raise Problem(400, f"Last-Event-ID: the newest event of this workspace is {newest}.")
    except BaseException:
        _free_streams.release()
        raise
    no_buffering = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    response = Response(_follow(g.workspace_id, g.key_id, seq), mimetype="text/event-stream", headers=no_buffering)
    response.call_on_close(_free_streams.release)
    return response


def _follow(workspace_id: str, key_id: str, seq: int) -> Iterator[str]:
    yield ": connected\n\n"
    comment_at = time.monotonic() + COMMENT_SECONDS
    try:
        while not stopping.is_set():
            seen = _notifications.count(workspace_id)
            with transaction() as session:
                if session.get(ApiKey, key_id) is None:
                    return  # the key was deleted
                fresh = events.after(session, workspace_id, seq)
            for event in fresh:
                seq = event.seq
                yield f"id: {seq}\nevent: {event.name}\ndata: {json.dumps(event.data)}\n\n"
            if time.monotonic() >= comment_at:
                yield ": still here\n\n"
                comment_at = time.monotonic() + COMMENT_SECONDS
            if not fresh:
                _notifications.wait(workspace_id, seen, POLL_SECONDS)
    except SQLAlchemyError:
        return  # the database is not available: the client reconnects with its Last-Event-ID
