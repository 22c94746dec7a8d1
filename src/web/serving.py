"""From a request to its response: parse what the route declares, call its handler, write what it returns."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from flask import Flask, Response, g, request

from nightshift.db.session import DISCONNECTED, transaction
from nightshift.server_errors import log_server_error
from web import access, idempotency
from web.limiters import ConcurrencyLimiter
from web.request_parsing import MAX_FORM_BYTES, form_fields, parse, parse_body, parse_headers, read_body, read_raw
from web.response_models import Rendered, adapter
from web.routing import AfterCommit, Route

TURN_SECONDS = 10.0
turns = ConcurrencyLimiter(2)  # transactions of one workspace at a time, in this process; its others wait for these


def register(app: Flask, routes: Iterable[Route]) -> None:
    """Serve these routes."""
    for route in routes:
        app.add_url_rule(route.path, route.name, partial(_serve, route), methods=[route.method])
        access.declare(app, route.name, route.access, is_stream=route.media_type == "text/event-stream")


def _serve(route: Route, **path: Any) -> Response:
    if route.raw_bytes:  # before its turn: a slow sender holds up nothing
        path["raw"] = read_raw(route.raw_bytes)
    elif route.method != "GET":
        read_body(route.form_bytes or (MAX_FORM_BYTES if route.form else 0))
    deferred = None
    with turn():
        arguments = _arguments(route, path)
        if "session" in route.takes:
            rendered, deferred, key = _transactional(route, arguments)
    if deferred:
        rendered = _after_commit(route, deferred, rendered, key)
    elif "session" not in route.takes:
        returned = _call(route, arguments)
        if isinstance(returned, Response):
            return returned
        rendered = _render(route, *_unpack(route, returned))
    response = Response(rendered.body, rendered.status, rendered.headers, mimetype=route.media_type)
    if not rendered.body and route.media_type == "application/json":
        response.headers.pop("Content-Type")
    return response


def _arguments(route: Route, path: dict[str, Any]) -> dict[str, Any]:
    """What the path, the body, the query and the headers say. Raises 400, 415 and 422."""
    arguments = dict(path)
    if route.body is not None:
        arguments["body"] = parse_body(route.body, route.form)
    if route.query is not None:
        arguments["query"] = parse(route.query, request.args.to_dict())
    if route.headers is not None:
        arguments["headers"] = parse_headers(route.headers, request.form if route.is_page else {})
    if "form" in route.takes:
        arguments["form"] = parse(route.form, form_fields())
    return arguments


def _call(route: Route, arguments: dict[str, Any]) -> Any:
    return route.handler(**{name: value for name, value in arguments.items() if name in route.takes})


def _transactional(route: Route, arguments: dict[str, Any]) -> tuple[Rendered, AfterCommit | None, str | None]:
    """Call the handler in a transaction, once for each Idempotency-Key: the response, what follows the commit, the key."""
    key = getattr(arguments.get("headers"), "idempotency_key", None)
    with transaction() as session:
        kept = idempotency.claim(session, key) if key else None
        if kept and kept.provisional and route.on_repeat:
            again = route.on_repeat(session, kept.value)
            return _render(route, again, kept.response.status, kept.response.headers), None, key
        if kept:
            return kept.response, None, key
        value, status, headers = _unpack(route, _call(route, arguments | {"session": session}))
        deferred = value if isinstance(value, AfterCommit) else None
        rendered = _render(route, deferred.so_far if deferred else value, status, headers)
        if key:
            idempotency.keep(session, key, rendered, provisional=deferred is not None)
    return rendered, deferred, key


def turn() -> AbstractContextManager[None]:
    """Until this workspace may use the processor and the database: so many of its requests at a time. Raises 429."""
    workspace_id = g.get("workspace_id")
    return turns.turn(workspace_id, TURN_SECONDS) if workspace_id else nullcontext()


def _after_commit(route: Route, deferred: AfterCommit, so_far: Rendered, key: str | None) -> Rendered:
    rendered = so_far
    try:
        rendered = _render(route, deferred.act(), so_far.status, so_far.headers)
        if key:
            with transaction() as session:
                idempotency.keep(session, key, rendered)
    except DISCONNECTED as error:  # what was accepted stays accepted
        log_server_error("database away", error)
    return rendered


def _unpack(route: Route, returned: Any) -> tuple[Any, int, dict[str, str]]:
    """(value, status, headers) of what a handler returned."""
    value, *rest = returned if isinstance(returned, tuple) else (returned,)
    status = rest[0] if rest else next(iter(route.responses))
    return value, status, rest[1] if len(rest) > 1 else {}


def _render(route: Route, value: Any, status: int, headers: dict[str, str]) -> Rendered:
    """The value, read as the response model of its status and written as JSON; without a model it is text."""
    model = route.responses[status]
    if model is None:
        return Rendered(value or "", status, headers)
    shape = adapter(model)
    return Rendered(shape.dump_json(shape.validate_python(value)).decode(), status, headers)
