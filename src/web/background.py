"""What a request starts and does not wait for. Nothing that must not be lost: it ends with the process."""

import logging
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from nightshift.logs import log, where

THREADS = 4
MAX_WAITING = 200

_threads = ThreadPoolExecutor(THREADS, "background")
_under_way: set[Hashable] = set()
_lock = Lock()


def start(name: Hashable, act: Callable[[], object]) -> None:
    """Have `act` called soon, unless one of this name is under way or too many wait."""
    with _lock:
        if name in _under_way or len(_under_way) >= MAX_WAITING:
            return
        _under_way.add(name)
    _threads.submit(_run, name, act)


def _run(name: Hashable, act: Callable[[], object]) -> None:
    try:
        act()
    except Exception as error:
        log("background failed", logging.WARNING, error=where(error))
    finally:
        with _lock:
            _under_way.discard(name)


def stop() -> None:
    """What waits does not begin: the process ends."""
    _threads.shutdown(wait=False, cancel_futures=True)
