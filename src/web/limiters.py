"""Limits for each caller: requests a minute, and long requests at the same time."""

import time
from collections import Counter
from threading import Lock

from flask import Response, after_this_request
from redis.exceptions import RedisError

from nightshift.server_errors import log_server_error
from nightshift.settings import settings
from runner.connection import redis
from web.error_responses import Problem

PAUSE_SECONDS = 1.0


class RateLimiter:
    """Counts the requests of each key and minute in Redis, for all processes together.

    A process takes a hundredth of the limit at a time, which spares most requests the round trip. While Redis is not
    available nobody is limited.
    """

    def __init__(self) -> None:
        self._minute = 0
        self._left: Counter[str] = Counter()  # taken from Redis and not used yet, by key
        self._lock = Lock()
        self._unlimited_until = 0.0

    def count(self, key_id: str) -> None:
        """Count one request. Raises 429 with Retry-After."""
        minute, second = divmod(int(time.time()), 60)
        with self._lock:
            if minute != self._minute:
                self._minute = minute
                self._left.clear()
            if self._left[key_id] > 0:
                self._left[key_id] -= 1
                return
        taken = self._take(f"nightshift:rate:{key_id}:{minute}")
        if taken < 1:
            detail = f"This key has sent more than {settings().rate_limit_per_minute} requests in a minute."
            raise Problem(429, detail, headers={"Retry-After": str(60 - second)})
        with self._lock:
            self._left[key_id] += taken - 1

    def _take(self, counter: str) -> int:
        """How many requests more this process may let pass."""
        limit = settings().rate_limit_per_minute
        lot = max(1, limit // 100)
        if time.monotonic() < self._unlimited_until:
            return 1
        try:
            with redis().pipeline(transaction=False) as pipe:
                pipe.incrby(counter, lot)
                pipe.expire(counter, 120)
                total = int(pipe.execute()[0])
        except RedisError as error:
            log_server_error("redis away", error)
            self._unlimited_until = time.monotonic() + PAUSE_SECONDS
            return 1
        return lot - max(0, total - limit)


class ConcurrencyLimiter:
    """At most `total` requests at the same time, and at most `each` of one caller: threads are left for the others."""

    def __init__(self, total: int, each: int) -> None:
        self._total, self._each = total, each
        self._running: Counter[str] = Counter()
        self._lock = Lock()

    def acquire(self, caller: str) -> bool:
        """Whether there is room. If there is, it is taken until the request ends."""
        with self._lock:
            if self._running.total() >= self._total or self._running[caller] >= self._each:
                return False
            self._running[caller] += 1
        after_this_request(lambda response: self._release(caller, response))
        return True

    def _release(self, caller: str, response: Response) -> Response:
        with self._lock:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]
        return response
