"""GET /v1/events: what happens in a workspace, as it happens."""

import json
import time
from collections.abc import Iterator
from threading import BoundedSemaphore, Event

from flask import Blueprint, Response, g, request
from sqlalchemy.exc import SQLAlchemyError

from nightshift import events
from nightshift.db.models import ApiKey
from nightshift.db.session import transaction
from web.problems import Problem, invalid
from web.wakeup import Wakeup

blueprint = Blueprint("events", __name__, url_prefix="/v1")
MOST_STREAMS = 40  # each holds one of gunicorn's threads; the rest stay for requests
COMMENT_SECONDS = 15
POLL_SECONDS = 1.0  # behind the wake-up, which a broken connection may lose

stopping = Event()  # set by gunicorn's hook: an open stream must not hold up a stop
_places = BoundedSemaphore(MOST_STREAMS)
_wakeup = Wakeup(events.CHANNEL)


@blueprint.get("/events")
def stream() -> Response:
    last = request.headers.get("Last-Event-ID")
    if last is not None and not (last.isdecimal() and len(last) < 19):
        raise invalid("Last-Event-ID", "must be the id of an event of this stream")
    if not _places.acquire(blocking=False):
        raise Problem(503, "Too many event streams are open here.", headers={"Retry-After": "5"})
    try:
        with transaction() as session:
            seq = int(last) if last is not None else events.newest(session, g.workspace_id)
    except BaseException:
        _places.release()
        raise
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    response = Response(_follow(g.workspace_id, g.key_id, seq), mimetype="text/event-stream", headers=headers)
    response.call_on_close(_places.release)
    return response


def _follow(workspace_id: str, key_id: str, seq: int) -> Iterator[str]:
    yield ": connected\n\n"
    comment_at = time.monotonic() + COMMENT_SECONDS
    try:
        while not stopping.is_set():
            seen = _wakeup.count(workspace_id)
            with transaction() as session:
                if session.get(ApiKey, key_id) is None:
                    return  # the key was taken back
                fresh = events.after(session, workspace_id, seq)
            for event in fresh:
                seq = event.seq
                yield f"id: {seq}\nevent: {event.name}\ndata: {json.dumps(event.data)}\n\n"
            if time.monotonic() >= comment_at:
                yield ": still here\n\n"
                comment_at = time.monotonic() + COMMENT_SECONDS
            if not fresh:
                _wakeup.wait(workspace_id, seen, POLL_SECONDS)
    except SQLAlchemyError:
        return  # the database is away: the client comes back with its Last-Event-ID
