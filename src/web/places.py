"""Places for requests that take long: one workspace's must not hold every thread."""

from collections import Counter
from threading import Lock

from flask import Response, after_this_request


class Places:
    """So many for `all_together`, so many for `each` that asks."""

    def __init__(self, all_together: int, each: int) -> None:
        self._all_together, self._each = all_together, each
        self._taken: Counter[str] = Counter()
        self._lock = Lock()

    def take(self, who: str) -> bool:
        """A place until this request is over; False where there is none."""
        with self._lock:
            if self._taken.total() >= self._all_together or self._taken[who] >= self._each:
                return False
            self._taken[who] += 1
        after_this_request(lambda response: self._give_back(who, response))
        return True

    def _give_back(self, who: str, response: Response) -> Response:
        with self._lock:
            self._taken[who] -= 1
            if not self._taken[who]:
                del self._taken[who]
        return response
