"""Each request begins a trace, or goes on with its caller's; one that changes something has its line in the log."""

import time

from flask import Flask, Response, current_app, g, request

from nightshift import tracing
from nightshift.logs import log
from web import access

READING = ("GET", "HEAD", "OPTIONS")


def register(app: Flask) -> None:
    """Trace what is asked with a key, and what vendors report."""
    app.before_request(_begin)
    app.after_request(_answered)
    app.teardown_request(_end)


def _begin() -> None:
    if request.endpoint is None or access.level(current_app, request.endpoint) == "public":
        return
    caller = request.headers.get("traceparent", "")
    parent = caller if tracing.TRACEPARENT.fullmatch(caller) else None
    g.begun, g.span = time.monotonic(), tracing.span(f"{request.method} {request.url_rule}", "SERVER", parent)
    g.trace = g.span.__enter__()


def _answered(response: Response) -> Response:
    if "trace" in g:
        g.status = response.status_code
        response.headers["X-Request-Id"] = tracing.ids()["trace"]
    return response


def _end(error: BaseException | None) -> None:
    if "trace" not in g:
        return
    g.pop("trace").set(status=g.get("status", 0))
    if request.method not in READING:
        ran_ms = int((time.monotonic() - g.begun) * 1000)
        log("request", method=request.method, route=str(request.url_rule), status=g.get("status"), ran_ms=ran_ms)
    g.span.__exit__(None, None, None)
