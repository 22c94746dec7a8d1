"""The scheduler's loop: every 15 s it opens the slots that have come and reconciles Redis with the outbox.

Two may run: each tick takes a lock, so one works and the other takes over. A tick that both did would be harmless.
"""

import logging
import signal
from threading import Event

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from nightshift.db.session import transaction
from nightshift.logs import log
from nightshift.server_errors import log_server_error
from nightshift.settings import settings
from runner import cron, reporting
from runner.connection import redis
from runner.reconcile import reconcile

INTERVAL_SECONDS = 15
TICK_LOCK = 7_461_002
TURN = text("SELECT pg_try_advisory_xact_lock(:lock)")
ALIVE = "nightshift:scheduler"  # a key in Redis that says when the last whole tick was


def run() -> None:
    """Tick until SIGTERM or SIGINT. Postgres or Redis away: again two seconds later."""
    reporting.start_sentry(settings())
    stop = Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
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
        stop.wait(pause)


def tick() -> None:
    """One round, unless another scheduler is in the middle of one."""
    with transaction() as session:
        if not session.scalar(TURN, {"lock": TICK_LOCK}):
            return
        try:
            cron.tick()
        finally:  # whatever keeps one half from its work
            lost = reconcile()
        redis().set(ALIVE, 1, ex=INTERVAL_SECONDS * 3)
    if lost:
        log("reconciled", lost=lost)
