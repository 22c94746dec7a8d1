"""Connections to Redis: no call here waits longer than a second for an answer."""

from functools import cache
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from nightshift.settings import settings

TIMEOUT_SECONDS = 0.5


@cache
def redis() -> Any:
    """The process's pool. It raises after half a second instead of waiting: what is not dispatched now is dispatched later."""
    return connect(TIMEOUT_SECONDS)


def connect(timeout_seconds: float) -> Any:
    """A pool of its own, whose calls give up after `timeout_seconds`."""
    client = Redis.from_url(settings().redis_url, retry=Retry(NoBackoff(), 0), health_check_interval=0)
    timeouts = dict(socket_connect_timeout=TIMEOUT_SECONDS, socket_timeout=timeout_seconds)
    client.connection_pool.connection_kwargs.update(timeouts)  # the URL's own would end a wait for a job
    return client
