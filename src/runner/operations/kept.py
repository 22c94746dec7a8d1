"""What takes long to read is kept for a moment, however many look at it."""

import time
from collections.abc import Callable
from concurrent.futures import Future
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
    result: Future[T] = Future()
    begun = ended = -1.0
    lock = Lock()

    @wraps(read)
    def current() -> T:
        nonlocal result, begun, ended
        asked = time.monotonic()
        with lock:
            if asked > begun + (ended - begun) * SHARE:
                result, begun = Future(), time.monotonic()
                try:
                    with transaction(durable=False) as session:
                        found = read(session)
                    result.set_result(found)
                    ended = time.monotonic()
                except Exception as error:
                    result.set_exception(error)
                    begun = ended = time.monotonic()
            return result.result()

    return current
