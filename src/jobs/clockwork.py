"""The scheduler's loop: one of its processes at a time, every 15 s, owes what time starts, and sweeps."""

import logging
import signal
from threading import Event

from redis.exceptions import RedisError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from jobs import account, cron
from jobs.connection import redis
from jobs.sweep import sweep
from nightshift.db.session import engine
from nightshift.logs import log, where
from nightshift.settings import settings

INTERVAL_SECONDS = 15
LEADER_LOCK = 7_461_002  # an advisory lock of Postgres: free again the moment its holder's connection is gone
SILENT_SECONDS = 45  # then Postgres ends a leader's session: it is stopped, cut off or powered down
ALIVE = "nightshift:scheduler"  # a key in Redis that says a leader ticks


def run() -> None:
    """Tick until SIGTERM or SIGINT. Postgres or Redis away: try again at the next tick."""
    account.start_sentry(settings())
    stop = Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    leader: Connection | None = None
    while not stop.is_set():
        pause = 2
        try:
            leader = leader or _lead()
            if leader:
                leader.execute(text("SELECT 1"))  # still ours: a lost connection loses the lock
                leader.commit()
                tick()
                pause = INTERVAL_SECONDS
        except (SQLAlchemyError, RedisError) as error:
            log("tick failed", logging.WARNING, error=type(error).__name__)
            if leader and isinstance(error, SQLAlchemyError):
                leader.invalidate()
                leader = None
        except Exception as error:  # nobody else sweeps while this one leads: say so, and go on
            log("tick failed", logging.ERROR, error=where(error))
            account.report(error, job="tick")
        stop.wait(pause)
    if leader:
        leader.close()


def tick() -> None:
    """One round of a leader's work."""
    redis().set(ALIVE, 1, ex=INTERVAL_SECONDS * 3)
    try:
        cron.tick()
    finally:  # whatever keeps one half from its work
        rung = sweep()
    if rung:
        log("sweep", rung=rung)


def _lead() -> Connection | None:
    """A connection that holds the leader's lock, None where another process does."""
    connection = engine().connect()
    if connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LEADER_LOCK}):
        connection.exec_driver_sql(f"SET idle_session_timeout = '{SILENT_SECONDS}s'")
        connection.commit()
        return connection
    connection.close()
    return None
