"""The scheduler's loop: every 15 s it opens the slots that have come and reconciles Redis with the outbox.

Two may run: each tick takes a lock, so one works and the other takes over. A tick that both did would be harmless.
"""

import logging
import os
import signal
import time
from threading import Event, Thread

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from nightshift import metrics
from nightshift.db.connection import watch
from nightshift.db.session import transaction
from nightshift.logs import log
from nightshift.outbox.done import count_hours
from nightshift.server_errors import log_server_error
from nightshift.settings import settings
from runner import counts, cron, reporting
from runner.connection import redis
from runner.heartbeat import ALIVE
from runner.operations import verdict
from runner.reconcile import reconcile

LAST_SECONDS = 13.0
INTERVAL_SECONDS = 15
TICK_LOCK = 7_461_002
TURN = text("SELECT pg_try_advisory_xact_lock(:lock)")


def run() -> None:
    """Tick until SIGTERM or SIGINT. Postgres or Redis away: again two seconds later."""
    reporting.start_sentry(settings())
    stop = Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    Thread(target=_end_in_time, args=_signals(), name="stop", daemon=True).start()
    watch()
    while not stop.is_set():
        pause = 2
        try:
            tick()
            pause = INTERVAL_SECONDS
        except (SQLAlchemyError, RedisError) as error:
            log_server_error("tick failed", error)
        except Exception as error:  # say so, and go on
            log("tick failed", logging.ERROR, raised=error)
            reporting.report(error, job="tick")
        counts.flush()
        stop.wait(pause)


def _signals() -> tuple[int]:
    """A pipe that tells of signals at once. Their handlers run later, where the main thread waits for a server."""
    told, tells = os.pipe()
    os.set_blocking(tells, False)
    signal.set_wakeup_fd(tells)
    return (told,)


def _end_in_time(signals: int) -> None:
    """A stop is over in 15 s, also of a tick that waits for a server."""
    os.read(signals, 1)
    time.sleep(LAST_SECONDS)
    os._exit(1)


def tick() -> None:
    """One round, unless another scheduler is in the middle of one."""
    with transaction() as session:
        if not session.scalar(TURN, {"lock": TICK_LOCK}):
            return
        with metrics.timed(metrics.TICK):
            try:
                cron.tick()
            finally:  # whatever keeps one half from its work
                with metrics.timed(metrics.RECONCILE):
                    lost = reconcile()
        redis().set(ALIVE, 1, ex=INTERVAL_SECONDS * 3)
    if lost:
        log("reconciled", lost=lost)
    count_hours()  # no part of the tick: figures that are slow to read do not make a scheduler look dead
    verdict.record()
