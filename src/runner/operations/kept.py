"""What takes long to read is kept for a moment, however many look at it."""

import time
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import TypeVar

from sqlalchemy.orm import Session

from nightshift.db.session import transaction

SHARE = 10  # kept ten times as long as it took: it costs at most a tenth of one connection of Postgres

T = TypeVar("T")


def kept(read: Callable[[Session], T]) -> Callable[[], T]:
    """`read`, in a transaction of its own: what it returns now, or returned a moment ago where it takes long.

    Who asks while it is read gets that result, an error too: while Postgres is away, threads do not wait for each other.
    """
    last: list[tuple[float, float, T | Exception]] = []
    lock = Lock()

    @wraps(read)
    def current() -> T:
        asked = time.monotonic()
        with lock:
            if not last or asked > _until(*last[0]):
                last[:] = [_timed(read)]
            found = last[0][2]
        if isinstance(found, Exception):
            raise found
        return found

    return current


def _timed(read: Callable[[Session], T]) -> tuple[float, float, T | Exception]:
    """When it began and ended, and with what."""
    begun = time.monotonic()
    try:
        with transaction(durable=False) as session:
            found: T | Exception = read(session)
    except Exception as error:
        found = error
    return begun, time.monotonic(), found


def _until(begun: float, ended: float, found: object) -> float:
    return ended if isinstance(found, Exception) else max(ended, begun + (ended - begun) * SHARE)
