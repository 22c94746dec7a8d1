"""RQ's dashboard at /admin/queues, with its holes closed.

As it comes it has no login, empties and requeues for any page that asks, and puts what stands in Redis into its pages as
HTML. Here it is guarded before each request and what it says is escaped after it; requeue owes the row anew. Delete and
empty are switched off: of what is owed a deleted job removes nothing, the sweep rings again.
"""

import html
import json
import re
import secrets
from typing import Any

from flask import Flask, Response
from redis.exceptions import RedisError, ResponseError
from rq.exceptions import NoSuchJobError
from rq.serializers import JSONSerializer
from rq_dashboard import web as rq_dashboard

from runner.connection import redis
from runner.failed import retry, retry_queue
from runner.registry import parse_job_id
from web import dashboard_guard, problems
from web.problems import Problem

PATH = "/admin/queues"
INLINE = '<script type="text/javascript">'
ESCAPED_BY_THE_PAGE = re.compile(r"\$\('<div/>'\)\.text\((d\.\w+)\)\.html\(\)")  # what comes escaped now
# Its templates are compiled in the browser (unsafe-eval) and carry style attributes. A script without the nonce is dead.
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
    # In place of its own hook, which opens a connection a request and hands it to whoever asks at the same time.
    app.before_request_funcs["rq_dashboard"] = [dashboard_guard.check]
    app.after_request_funcs["rq_dashboard"] = [_disarm]
    views = {"requeue_job_view": _requeue, "requeue_all": _requeue_all, "compact_queue": _compact}
    app.view_functions.update({f"rq_dashboard.{name}": view for name, view in views.items()})
    app.register_error_handler(NoSuchJobError, lambda _: problems.answer(problems.not_found()))
    app.register_error_handler(RedisError, _redis_away)


def _requeue(job_id: str) -> dict[str, Any]:
    status = redis().hget(f"rq:job:{job_id}", "status")
    if status is None:
        raise problems.not_found()
    named = parse_job_id(job_id)
    if status != b"failed" or named is None or not retry(named[0], named[1]):
        raise Problem(409, "This job does not rest as failed: there is nothing to try again.")
    return {"status": "OK"}


def _requeue_all(queue_name: str) -> dict[str, Any]:
    return {"status": "OK", "count": retry_queue(queue_name)}


def _compact(queue_name: str) -> Any:
    try:
        return rq_dashboard.compact_queue(queue_name)
    except ResponseError:  # RENAME of an empty queue
        return {"status": "OK"}


def _redis_away(error: Exception) -> Response:
    return problems.answer(Problem(503, "Redis does not answer. Please try again.", headers={"Retry-After": "2"}))


def _disarm(response: Response) -> Response:
    """What came out of Redis is text, and a script that got in nevertheless does not run."""
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
    """Every string in a JSON value, keys too, as HTML shows it: the pages paste them in as they are."""
    if isinstance(value, dict):
        return {html.escape(key): _escaped(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_escaped(part) for part in value]
    return html.escape(value) if isinstance(value, str) else value
