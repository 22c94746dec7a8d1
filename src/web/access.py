"""Who may ask, and how often."""

import hmac
import time

from flask import g, request
from redis.exceptions import RedisError

from nightshift import workspaces
from nightshift.settings import settings
from runner.connection import redis
from web.problems import Problem

PUBLIC = {"health.healthz", "health.readyz", "health.metrics", "docs.openapi_json", "docs.page", "docs.home"}
OPERATOR = {"workspaces.create", "workspaces.change", "invoices.announce"}
THEIR_OWN_GUARD = ("rq_dashboard.", "dev_mail.")  # see web.home_guard
PAUSE_SECONDS = 1.0

_unlimited_until = 0.0


def check() -> None:
    """Before every request: a workspace key sets `g.workspace_id`; operator routes take ADMIN_API_KEY only.

    Raises 401, and 429 with Retry-After for a key that asks too often.
    """
    if request.endpoint is None or request.endpoint in PUBLIC or request.endpoint.startswith(THEIR_OWN_GUARD):
        return
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    secret = secret.strip() if scheme.lower() == "bearer" else ""
    if request.endpoint in OPERATOR:
        if not hmac.compare_digest(secret.encode(), settings().admin_api_key.encode()):
            raise _unauthorized()
        g.workspace_id = None
        return
    owner = workspaces.owner_of(secret) if secret else None
    if owner is None:
        raise _unauthorized()
    g.workspace_id, g.key_id = owner
    _limit(g.key_id)


def _unauthorized() -> Problem:
    return Problem(401, "Send a valid key: Authorization: Bearer <key>.", headers={"WWW-Authenticate": "Bearer"})


def _limit(key_id: str) -> None:
    """Count the key's requests in this minute, in Redis; while Redis is away nobody is limited."""
    global _unlimited_until
    if time.monotonic() < _unlimited_until:
        return
    minute, second = divmod(int(time.time()), 60)
    counter = f"nightshift:rate:{key_id}:{minute}"
    try:
        with redis().pipeline(transaction=False) as pipe:
            pipe.incr(counter)
            pipe.expire(counter, 120)
            count = pipe.execute()[0]
    except RedisError:
        _unlimited_until = time.monotonic() + PAUSE_SECONDS
        return
    if count > settings().rate_limit_per_minute:
        detail = f"More than {settings().rate_limit_per_minute} requests in a minute with this key."
        raise Problem(429, detail, headers={"Retry-After": str(60 - second)})
