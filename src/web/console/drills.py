"""Kill a worker, wipe Redis: buttons of the operator's page, in development and on the developer's own machine alone."""

from collections.abc import Callable
from typing import TypeVar

from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from nightshift.settings import settings
from runner.operations import drills
from web import developer_access
from web.console.pages import Done, action
from web.error_responses import not_found, unavailable

HOME = "/console/operations/drills"

T = TypeVar("T")


def are_allowed() -> bool:
    """Whether this request may do it."""
    return not settings().production and developer_access.is_local()


@action(f"{HOME}/worker", access="console-operator")
def kill_worker(session: Session) -> Done:
    """Kill a worker, in the middle of a job where one has one."""
    name = _drill(lambda: drills.kill_worker(session))
    if name is None:
        return Done(("No worker is registered on this machine. Try again in a few seconds.",), is_error=True)
    return Done((f"{name} was killed. Another worker takes over its job.",))


@action(f"{HOME}/redis", access="console-operator")
def wipe_redis() -> Done:
    """Delete everything in Redis."""
    _drill(drills.wipe_redis)
    return Done(("Redis is empty. What it held is dispatched again from Postgres, within a minute.",))


def _drill(act: Callable[[], T]) -> T:
    if not are_allowed():
        raise not_found()
    try:
        return act()
    except RedisError:
        raise unavailable("Redis") from None
