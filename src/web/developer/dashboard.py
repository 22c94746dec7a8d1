"""RQ's dashboard at /admin/queues, hardened.

As published it has no login, empties and requeues on a request from any site's page, and writes what is in Redis into its
pages as HTML. Here access is checked before each request and its responses are escaped; a requeue enqueues the row again. Delete
and empty are switched off: the row would stay, and be dispatched again.
"""

import html
import json
import re
import secrets
from typing import Any

from flask import Flask, Response, request
from redis.exceptions import RedisError, ResponseError
from rq.exceptions import NoSuchJobError
from rq.serializers import JSONSerializer
from rq_dashboard import web as rq_dashboard

from nightshift.db.session import transaction
from runner.connection import redis
from runner.failed import retry
from runner.operations import failed_work
from runner.operations.failed_work import Filters
from runner.registry import QUEUES, parse_job_id
from web import access, error_responses
from web.error_responses import Problem, not_found, unavailable

PATH = "/admin/queues"
REGISTRIES = {"queued", "scheduled", "deferred", "started", "finished", "failed", "canceled"}
KNOWN = {"instance_number": {0}, "queue_name": QUEUES, "registry_name": REGISTRIES, "order": {"asc", "dsc"}}
MAX = {"per_page": 200, "page": 100_000}
INLINE = '<script type="text/javascript">'
ESCAPED_BY_THE_PAGE = re.compile(r"\$\('<div/>'\)\.text\((d\.\w+)\)\.html\(\)")  # what is escaped here already
# Its templates are compiled in the browser (unsafe-eval) and carry style attributes. A script without the nonce does not run.
POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def register(app: Flask) -> None:
    """Mount it, on the process's own connection to Redis."""
    rq_dashboard.config.serializer = JSONSerializer
    app.redis_conn = redis()  # type: ignore[attr-defined]
    app.config.update(RQ_DASHBOARD_REDIS_URL=("Redis",), RQ_DASHBOARD_DISABLE_DELETE=True)  # the URL is only shown
    app.register_blueprint(rq_dashboard.blueprint, url_prefix=PATH)
    app.add_url_rule(f"{PATH}/<filename>", "static", build_only=True)  # where its pages look for their icon
    # In place of its own hook, which opens a connection in each request and shares it between threads.
    app.before_request_funcs["rq_dashboard"] = [_check_path]
    app.after_request_funcs["rq_dashboard"] = [_disarm]
    views = {"requeue_job_view": _requeue, "requeue_all": _requeue_all, "compact_queue": _compact}
    app.view_functions.update({f"rq_dashboard.{name}": view for name, view in views.items()})
    for endpoint in app.view_functions:
        if endpoint.startswith("rq_dashboard."):
            access.declare(app, endpoint, "developer")
    app.register_error_handler(NoSuchJobError, lambda _: error_responses.respond(not_found()))
    app.register_error_handler(RedisError, lambda _: error_responses.respond(unavailable("Redis")))


def _check_path() -> None:
    """Limit the numbers in the path. Raises 404 for a name that does not exist, and 405."""
    if request.endpoint == "rq_dashboard.requeue_all" and request.method != "POST":  # it would requeue on a GET
        raise Problem(405, f"This route does not support {request.method}.", headers={"Allow": "POST"})
    names = request.view_args or {}
    if "queue_name" in names and names["queue_name"] is None:
        names["queue_name"] = next(iter(QUEUES))
    if any(name in names and names[name] not in values for name, values in KNOWN.items()):
        raise not_found()
    for name, maximum in MAX.items():
        if name in names:
            if not str(names[name]).isdecimal():
                raise not_found()
            names[name] = min(max(int(names[name]), 1), maximum)


def _requeue(job_id: str) -> dict[str, Any]:
    status = redis().hget(f"rq:job:{job_id}", "status")
    if status is None:
        raise not_found()
    named = parse_job_id(job_id)
    if status != b"failed" or named is None or not retry(named[0], named[1]):
        raise Problem(409, "Only a failed job can be requeued.")
    return {"status": "OK"}


def _requeue_all(queue_name: str) -> dict[str, Any]:
    with transaction() as session:
        return {"status": "OK", "count": failed_work.retry_all(session, Filters(queue=queue_name))}


def _compact(queue_name: str) -> Any:
    try:
        return rq_dashboard.compact_queue(queue_name)
    except ResponseError:  # RENAME of an empty queue
        return {"status": "OK"}


def _disarm(response: Response) -> Response:
    """Escape what came from Redis, and let no script run but the dashboard's own."""
    nonce = secrets.token_urlsafe(16)
    if response.mimetype == "application/json":
        response.set_data(json.dumps(_escaped(response.get_json())))
    elif response.mimetype == "text/html":
        page = response.get_data(as_text=True).replace(INLINE, f'<script nonce="{nonce}">')
        response.set_data(ESCAPED_BY_THE_PAGE.sub(r"\1", page))
    response.headers["Content-Security-Policy"] = POLICY.format(nonce=nonce)
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _escaped(value: Any) -> Any:
    """A JSON value with every string in it, keys too, escaped as HTML: the pages insert them unescaped."""
    if isinstance(value, dict):
        return {html.escape(key): _escaped(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_escaped(part) for part in value]
    return html.escape(value) if isinstance(value, str) else value
