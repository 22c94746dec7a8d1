"""Limits for each workspace: requests a minute, and what it may have under way at the same time.

The first counts for all web processes together, the others in each process: what they keep is that process's threads.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, inf
from threading import Condition, Lock, RLock
from weakref import WeakValueDictionary

from flask import Response, after_this_request, request
from redis.exceptions import RedisError

from nightshift import clock
from nightshift.server_errors import log_server_error
from nightshift.settings import settings
from runner.connection import redis
from web.error_responses import Problem

PAUSE_SECONDS = 1.0
MAX_STREAMS = 300  # each holds a thread
MAX_GUESSERS = 10_000  # remembered


class RateLimiter:
    """Counts the requests of each workspace and minute in Redis, for all processes together.

    A process takes a hundredth of the limit at a time, which spares most requests the round trip. While Redis is not
    available nobody is limited.
    """

    def __init__(self) -> None:
        self._minute = 0
        self._left: Counter[str] = Counter()  # taken from Redis and not used yet, by workspace
        self._spent: set[str] = set()  # the workspaces that have nothing left this minute
        self._lock = Lock()
        self._unlimited_until = 0.0

    def count(self, workspace_id: str) -> None:
        """Count one request. Raises 429 with Retry-After."""
        minute, second = divmod(int(clock.now().timestamp()), 60)
        with self._lock:
            if minute != self._minute:
                self._minute = minute
                self._left.clear()
                self._spent.clear()
            if self._left[workspace_id] > 0:
                self._left[workspace_id] -= 1
                return
            spent = workspace_id in self._spent
        taken = 0 if spent else self._take(f"nightshift:rate:{workspace_id}:{minute}")
        with self._lock:
            if taken < 1:
                self._spent.add(workspace_id)
            else:
                self._left[workspace_id] += taken - 1
        if taken < 1:
            detail = f"This workspace has sent more than {settings().rate_limit_per_minute} requests in a minute."
            raise Problem(429, detail, headers={"Retry-After": str(60 - second)})

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


@dataclass(eq=False)
class Permit:
    """Leave to go on, until `release` gives it back. `in_use`: whether what it was given for still goes on."""

    release: Callable[[], None]
    in_use: Callable[[], bool]


class ConcurrencyLimiter:
    """At most `each` things of one kind at the same time for one workspace, and `total` for all."""

    def __init__(self, each: int, total: float = inf) -> None:
        self._each, self._total = each, total
        self._permits: dict[str, list[Permit]] = defaultdict(list)
        self._lock = RLock()
        self._released = WeakValueDictionary[str, Condition]()  # of each workspace of which a thread waits for its turn

    def acquire(self, workspace_id: str, in_use: Callable[[], bool] = lambda: True) -> Permit | None:
        """A permit to be released; None where there is no room."""
        with self._lock:
            if not self._has_room(workspace_id):
                self._permits[workspace_id] = [permit for permit in self._permits[workspace_id] if permit.in_use()]
                if not self._has_room(workspace_id):
                    return None
            permit = Permit(lambda: self._release(workspace_id, permit), in_use)
            self._permits[workspace_id].append(permit)
            return permit

    def admit(self, workspace_id: str, what: str) -> None:
        """The current request has a permit until its response is written. Raises 429: too many of `what`."""
        permit = self.acquire(workspace_id)
        if permit is None:
            raise too_many(what)
        until_answered(permit)

    @contextmanager
    def turn(self, workspace_id: str, timeout_seconds: float) -> Iterator[None]:
        """A permit for the time of the block, see `wait`."""
        permit = self.wait(workspace_id, timeout_seconds)
        try:
            yield
        finally:
            permit.release()

    def wait(self, workspace_id: str, timeout_seconds: float) -> Permit:
        """A permit to be released. It is waited for until there is room. Raises 429."""
        return self.acquire(workspace_id) or self._wait(workspace_id, timeout_seconds)

    def _wait(self, workspace_id: str, timeout_seconds: float) -> Permit:
        with self._lock:
            released = self._released.setdefault(workspace_id, Condition(self._lock))
            permit = released.wait_for(lambda: self.acquire(workspace_id), timeout_seconds)
        if permit is None:
            raise too_many("requests")
        return permit

    def _has_room(self, workspace_id: str) -> bool:
        mine = len(self._permits.get(workspace_id, ()))
        return mine < self._each and sum(map(len, self._permits.values())) < self._total

    def _release(self, workspace_id: str, permit: Permit) -> None:
        with self._lock:
            mine = self._permits[workspace_id]
            if permit in mine:
                mine.remove(permit)
            if not mine:
                del self._permits[workspace_id]
            # One of each that may have room now: to wake all of a crowd cost a request more than its statements
            waiting = self._released if self._total < inf else {workspace_id}
            for whose in list(waiting):
                if released := self._released.get(whose):
                    released.notify()


class WrongGuesses:
    """Bounds wrong keys by whose they are, in this process: so many at once, then one in `seconds_each`."""

    def __init__(self, at_once: int, seconds_each: float) -> None:
        self._span, self._each = at_once * seconds_each, seconds_each
        self._paid_until: dict[str, float] = {}  # when the last of their guesses is forgotten
        self._lock = Lock()

    def count(self, who: str) -> None:
        with self._lock:
            now = time.monotonic()
            if len(self._paid_until) > MAX_GUESSERS:
                self._paid_until = {name: until for name, until in self._paid_until.items() if until > now}
            self._paid_until[who] = max(now, self._paid_until.get(who, now)) + self._each

    def seconds_to_wait(self, who: str) -> int:
        """Until these may guess again; 0: now."""
        wait = self._paid_until.get(who, 0.0) + self._each - self._span - time.monotonic()
        return max(0, ceil(wait))


def until_answered(permit: Permit) -> None:
    """Release this permit when the response to the current request is written, or its client gone."""

    def answered(response: Response) -> Response:
        if "gunicorn.socket" in request.environ:
            response.call_on_close(permit.release)
        else:  # nobody writes it
            permit.release()
        return response

    after_this_request(answered)


def too_many(what: str) -> Problem:
    detail = f"This workspace has too many {what} under way at the same time."
    return Problem(429, detail, headers={"Retry-After": "1"})
