"""Whether Redis is there, for the pages that must say so."""

import time
from math import inf

from redis.exceptions import RedisError

from nightshift.server_errors import log_server_error
from runner.connection import redis

SECONDS = 2.0  # between two looks of this process


_last: dict[str, float] = {"at": -inf, "away": False}


def redis_is_away() -> bool:
    """As it was at most two seconds ago. A request during a look gets the last one."""
    if time.monotonic() - _last["at"] > SECONDS:
        _last["at"] = time.monotonic()
        try:
            redis().ping()
            _last["away"] = False
        except RedisError as error:
            log_server_error("redis away", error)
            _last["away"] = True
    return bool(_last["away"])
