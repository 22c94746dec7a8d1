"""Who may call a route: checked before every request by what the route declares."""

import hmac
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask, current_app, g, request
from sqlalchemy import Row
from sqlalchemy.orm import Session

from nightshift import tracing, workspaces
from nightshift.settings import settings
from web import developer_access, origin
from web.console import session as console
from web.error_responses import Problem, not_found, or_404
from web.limiters import ConcurrencyLimiter, RateLimiter

MAX_UNDER_WAY = 24  # of one workspace in this process, of gunicorn's 64 threads
MAX_LARGE = 16  # of all without a key
LARGE_BYTES = 100_000  # a smaller body is there before a thread takes the request: see receiving

_rate = RateLimiter()
_under_way = ConcurrencyLimiter(MAX_UNDER_WAY)
_large = ConcurrencyLimiter(MAX_LARGE)


def declare(app: Flask, endpoint: str, access: str, *, is_stream: bool = False) -> None:
    """Say who may call an endpoint. One of which nothing is said takes a workspace key. Streams have a limit of their own."""
    app.extensions.setdefault("access", {})[endpoint] = access
    app.extensions.setdefault("streams", set()).update([endpoint] if is_stream else [])


def level(app: Flask, endpoint: str) -> str:
    return str(app.extensions["access"].get(endpoint, "workspace"))


def check() -> None:
    """Before every request. A workspace key sets `g.workspace_id` and `g.key_id`.

    Raises 401, 403 (see developer_access), and 429 for a workspace that sends too many requests.
    """
    if request.endpoint is not None:
        CHECKS[level(current_app, request.endpoint)]()


def own_agent(session: Session, agent_id: str) -> Row[Any]:
    """The caller's agent: id, workspace_id, name. Raises 404."""
    return or_404(workspaces.agent_of(session, g.workspace_id, agent_id))


def _workspace() -> None:
    secret = _bearer()
    owner = workspaces.owner_of(secret) if secret else None
    if owner is None:
        raise _unauthorized()
    g.workspace_id, g.key_id = owner
    tracing.add_id("workspace", g.workspace_id)
    _rate.count(g.workspace_id)
    if request.endpoint not in current_app.extensions["streams"]:
        _under_way.admit(g.workspace_id, "requests")


def _console(*, workspace: bool, operator: bool) -> None:
    """A session of the console. Open pages ask every second, so a GET is not counted, and has a limit of its own."""
    origin.check()
    session = console.required()
    g.workspace_id, g.key_id = session.workspace_id, session.key_id
    if not (workspace if session.workspace_id else operator):
        raise not_found()
    if session.workspace_id and request.method != "GET":
        _rate.count(session.workspace_id)
    _under_way.admit(f"console {session.workspace_id}", "requests")


def _operator() -> None:
    if not is_operators(_bearer()):
        raise _unauthorized()
    g.workspace_id = None


def _stranger() -> None:
    """Someone without a key. A thread reads their large bodies, however slowly they come: few at the same time. Raises 429."""
    length = request.content_length
    if request.method == "POST" and (length is None or length >= LARGE_BYTES):
        _large.admit("", "large requests without a key")


def _either() -> None:
    """The operator, of no workspace; else a workspace."""
    _operator() if is_operators(_bearer()) else _workspace()


def is_operators(key: str) -> bool:
    return hmac.compare_digest(key.encode(), settings().admin_api_key.encode())


def _bearer() -> str:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _unauthorized() -> Problem:
    return Problem(401, "Send a valid key: Authorization: Bearer <key>.", headers={"WWW-Authenticate": "Bearer"})


CHECKS: dict[str, Callable[[], None]] = {
    "workspace": _workspace,
    "operator": _operator,
    "either": _either,
    "developer": developer_access.check,
    "console": partial(_console, workspace=True, operator=False),
    "console-operator": partial(_console, workspace=False, operator=True),
    "console-either": partial(_console, workspace=True, operator=True),
    "public": _stranger,
    "vendor": _stranger,  # the handler checks its signature
}
