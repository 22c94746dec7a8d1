"""The one process of a supervisor that is no worker: it dispatches what becomes due and rescues what dead workers held."""

import logging
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial

import sentry_sdk
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from nightshift.db.connection import watch
from nightshift.db.session import writable
from nightshift.logs import log, where
from nightshift.server_errors import log_server_error
from nightshift.settings import settings
from runner import counts, reporting
from runner.dispatch import dispatch_all, look
from runner.failed import retry_due
from runner.reconcile import remove_other_kinds
from runner.registry import JOBS
from runner.rescue import forget_worker, rescue, rescue_popped

POLL_SECONDS = 0.5  # so late is a retry at most
EXPIRED_SECONDS = 5.0  # between two looks for leases of other machines, and for where the searches begin
GAP_SECONDS = 15.0  # without Postgres: no lease expires in it
GRACE_SECONDS = 20.0  # after a longer one, for the living to renew theirs: a connection may take as long to be given up
PAUSE_SECONDS = 0.5  # after an error

_reported: set[str] = set()


class Sight:
    """Whether Postgres took writes all the time lately. While nobody can renew them, the leases of the living expire too."""

    def __init__(self) -> None:
        self._seen_at, self._clear_at = time.monotonic(), 0.0

    def clear(self) -> bool:
        """Look now."""
        there, now = writable(), time.monotonic()
        if not there or now - self._seen_at > GAP_SECONDS:
            self._clear_at = now + GRACE_SECONDS
        if there:
            self._seen_at = now
        return now >= self._clear_at


def dispatch_due_rows(queues: Sequence[str], deaths: int) -> None:
    """Until `deaths` is closed: a pipe on which the supervisor tells "<worker> <1: it died, 0: it was stopped>" line by line.

    Postgres or Redis away: again at the next poll.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the supervisor closes the pipe when all workers have ended
    reporting.start_sentry(settings())
    watch()
    jobs = [job.name for job in JOBS.values() if job.queue.name in queues]
    dead, sight = dict[str, bool](), Sight()
    rest, looked_at, open_ = b"", 0.0, True
    while open_ or dead:
        if open_ and select.select([deaths], [], [], POLL_SECONDS)[0]:
            data = os.read(deaths, 65_536)
            *lines, rest = (rest + data).split(b"\n")
            dead |= {name: died == "1" for name, _, died in (line.decode().rpartition(" ") for line in lines)}
            open_ = bool(data)
        for worker, died in list(dead.items()):
            if not _done(partial(_rescue_from, worker, died)):
                break  # Postgres is away: all of them at the next poll
            del dead[worker]
        if time.monotonic() - looked_at > EXPIRED_SECONDS:
            looked_at = time.monotonic()
            _done(look)
            _done(lambda: rescue(trusted=sight.clear))
            _done(remove_other_kinds)
            _done(counts.flush)
        _done(lambda: retry_due(jobs))
        _done(lambda: dispatch_all(jobs))
    sentry_sdk.flush(2)


def _rescue_from(worker: str, died: bool) -> None:
    rescue(worker, died)
    try:
        rescue_popped(worker)
        forget_worker(worker)
    except RedisError as error:  # its key in Redis expires
        log_server_error("redis away", error)


def _done(act: Callable[[], object]) -> bool:
    """Whether it went through. An error that nobody expects is reported once, and stops nothing else."""
    try:
        act()
        return True
    except (SQLAlchemyError, RedisError) as error:
        log_server_error("dispatcher waits", error)
    except Exception as error:
        log("dispatcher failed", logging.ERROR, raised=error)
        if where(error) not in _reported:
            _reported.add(where(error))
            reporting.report(error, job="dispatcher")
    time.sleep(PAUSE_SECONDS)
    return False
