"""Connections to Redis: no call here waits longer than a second for an answer."""

from functools import cache
from typing import Any
from weakref import WeakSet

from redis import ConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, ResponseError

from nightshift.server_urls import redis_pool
from nightshift.settings import settings

TIMEOUT_SECONDS = 0.5
DEMOTED = ("READONLY", "UNBLOCKED")  # what Redis 6 quotes from within a script; who waited for a job when it happened

_pools: WeakSet[ConnectionPool] = WeakSet()


@cache
def redis() -> Any:
    """The process's pool. It raises after half a second instead of waiting: what is not dispatched now is dispatched later."""
    return connect(TIMEOUT_SECONDS)


def connect(timeout_seconds: float) -> Any:
    """A pool of its own, whose calls give up after `timeout_seconds`."""
    timeouts = dict(socket_connect_timeout=TIMEOUT_SECONDS, socket_timeout=TIMEOUT_SECONDS)
    pool = redis_pool(settings().redis_url, health_check_interval=0, **timeouts)
    pool.connection_kwargs |= timeouts
    bound = {"timeout_seconds": timeout_seconds}  # also where the URL has another one, which would end a wait for a job
    pool.connection_class = type("Connection", (_Connection, pool.connection_class), bound)
    _pools.add(pool)
    return Redis.from_pool(pool)


class _Connection:
    """Closed, with all idle ones, when its server is no primary any more: the address leads elsewhere now.

    It keeps its timeout: RQ raises that of the whole pool to seven minutes where one of its workers is made with it, as
    rq-dashboard does for each worker that it lists.
    """

    timeout_seconds: float

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"socket_timeout": self.timeout_seconds})

    def read_response(self, *args: Any, **options: Any) -> Any:
        # Not the default of Sentinel's connections: after a stop, the next call would read this one's response.
        options.setdefault("disconnect_on_error", True)
        try:
            return super().read_response(*args, **options)  # type: ignore[misc]
        except ResponseError as error:
            if not isinstance(error, ReadOnlyError) and not any(word in str(error) for word in DEMOTED):
                raise
            self.disconnect()  # type: ignore[attr-defined]
            for pool in list(_pools):
                pool.disconnect(inuse_connections=False)
            raise RedisConnectionError("The server is a replica now.") from None
