"""Whether Redis is there, for the pages that must say so."""

import time
from dataclasses import dataclass

from redis.exceptions import RedisError

from nightshift.server_errors import log_server_error
from runner.connection import redis

SECONDS = 2.0  # between two looks of this process


@dataclass
class _Look:
    at: float = float("-inf")
    away: bool = False


_last = _Look()


def redis_is_away() -> bool:
    """As it was at most two seconds ago. A request during a look gets the last one."""
    if time.monotonic() - _last.at > SECONDS:
        _last.at = time.monotonic()
        try:
            redis().ping()
            _last.away = False
        except RedisError as error:
            log_server_error("redis away", error)
            _last.away = True
    return _last.away
