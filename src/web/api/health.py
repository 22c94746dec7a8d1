"""Whether the program is alive, and whether it is complete."""

from typing import Any, Literal

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from nightshift.db.session import transaction
from nightshift.server_errors import log_server_error
from runner.connection import redis
from runner.registry import QUEUES
from runner.scheduler import ALIVE
from web.response_models import Count, ResponseModel
from web.routing import route


class Alive(ResponseModel):
    status: Literal["alive"]


class Readiness(ResponseModel):
    """`workers`: how many live ones each queue has. `scheduler`: whether one lives."""

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
    """Whether every part is there."""
    parts = {"postgres": _postgres(), **_redis()}
    ready = all(parts.values()) and all(parts["workers"].values())
    return {"status": "ready" if ready else "not ready", **parts}, 200 if ready else 503


def _postgres() -> bool:
    try:
        with transaction() as session:
            return session.scalar(text("SELECT 1 FROM outbox LIMIT 1")) in (1, None)
    except SQLAlchemyError as error:
        log_server_error("database away", error)
        return False


def _redis() -> dict[str, Any]:
    try:
        with redis().pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.smembers(f"rq:workers:{queue}")
            pipe.exists(ALIVE)
            *members, scheduler = pipe.execute()
        workers = dict(zip(QUEUES, map(live_workers, members), strict=True))
        return {"redis": True, "workers": workers, "scheduler": bool(scheduler)}
    except RedisError as error:
        log_server_error("redis away", error)
        return {"redis": False, "workers": dict.fromkeys(QUEUES, 0), "scheduler": False}


def live_workers(keys: set[bytes]) -> int:
    """How many of these workers' keys have not expired. A heartbeat every 5 s keeps a key for 20 s."""
    return int(redis().exists(*keys)) if keys else 0
