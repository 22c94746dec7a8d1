"""Redis, for as long as it answers: nothing here waits for it longer than a second."""

from functools import cache
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from nightshift.settings import settings

TIMEOUT_SECONDS = 0.5


@cache
def redis() -> Any:
    """The process's pool. An error after half a second, not a wait: what could not be rung is rung by the sweep."""
    return connect(TIMEOUT_SECONDS)


def connect(timeout_seconds: float) -> Any:
    """A pool of its own, whose calls give up after `timeout_seconds`."""
    return Redis.from_url(
        settings().redis_url,
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )
