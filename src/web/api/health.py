"""Whether the program is alive, and whether it is complete."""

from typing import Any, Literal

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from nightshift.db.migrate import SchemaBehind, check_schema
from nightshift.db.session import writable
from nightshift.server_errors import log_server_error
from runner.connection import redis
from runner.heartbeat import ALIVE, live_workers
from runner.registry import QUEUES
from web.draining import draining
from web.response_models import Count, ResponseModel
from web.routing import route

WRITTEN = "nightshift:ready"


class Alive(ResponseModel):
    status: Literal["alive"]


class Serving(ResponseModel):
    status: Literal["ready", "not ready"]


class Readiness(ResponseModel):
    """`postgres`, `redis`: whether they take writes, and whether the schema is as new as the program. `workers`: how many live
    ones each queue has. `scheduler`: whether one has made a whole round in the last 45 s."""

    status: Literal["ready", "not ready"]
    postgres: bool
    redis: bool
    workers: dict[str, Count]
    scheduler: bool


@route("GET", "/healthz", {200: Alive}, access="public")
def healthz() -> dict[str, str]:
    """Whether this process is alive."""
    return {"status": "alive"}


@route("GET", "/readyz", {200: Readiness, 503: Readiness}, access="public")
def readyz() -> tuple[dict[str, Any], int]:
    """Whether every part is there, and this process is not about to stop."""
    parts = {"postgres": _postgres(), **_redis()}
    ready = all(parts.values()) and all(parts["workers"].values()) and not draining.is_set()
    return {"status": "ready" if ready else "not ready", **parts}, 200 if ready else 503


@route("GET", "/readyz/web", {200: Serving, 503: Serving}, access="public")
def readyz_web() -> tuple[dict[str, str], int]:
    """Whether this process takes requests, for a proxy: the API accepts work while workers, Redis or the scheduler are away."""
    return ({"status": "not ready"}, 503) if draining.is_set() else ({"status": "ready"}, 200)


def _postgres() -> bool:
    try:
        return writable() and bool(check_schema())
    except (SQLAlchemyError, SchemaBehind) as error:
        log_server_error("database away", error)
        return False


def _redis() -> dict[str, Any]:
    try:
        redis().set(WRITTEN, 1, ex=60)  # a replica, and a server that is full, refuse it
        return {"redis": True, "workers": live_workers(), "scheduler": bool(redis().exists(ALIVE))}
    except RedisError as error:
        log_server_error("redis away", error)
        return {"redis": False, "workers": dict.fromkeys(QUEUES, 0), "scheduler": False}
