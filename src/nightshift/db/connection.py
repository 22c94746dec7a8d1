"""Connections to Postgres: how each is opened, and what ends one that gets no answer."""

import os
import socket
import time
from contextlib import closing, suppress
from threading import Thread
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection

from nightshift.server_urls import postgres_arguments
from nightshift.settings import settings

# Postgres ends a session that is idle inside a transaction this long: its process is stopped or cut off, and its locks
# would hold up everyone else. As long as a lease: its row belongs to another worker by then.
IDLE_IN_TRANSACTION_SECONDS = 30.0
# A host that is gone is noticed by TCP within these seconds, at both ends.
KEEPALIVES = dict(keepalives_idle=10, keepalives_interval=5, keepalives_count=3)
TCP_USER_TIMEOUT_MILLISECONDS = 10_000
ANSWER_SECONDS = 15.0  # for a short statement, and for a transaction of a request
PROBE_SECONDS = 5.0  # for the question whether Postgres is there
CANCEL_SECONDS = 2.0  # for Postgres to end a statement that has taken longer
LOOK_SECONDS = 0.5

_waiting: dict[Connection, float] = {}  # until when the answer may take, in monotonic seconds
_every = {"transaction": False}


class Pooled(Connection):
    """Through a pooler that sets no options: each transaction may run in another session, so nothing is kept in one."""


PLANS = "force_generic_plan"  # a prepared statement is planned once


def connect() -> Connection:
    """Connect to DATABASE_URL, with the session's settings or, behind PgBouncer, which refuses or ignores them, as `Pooled`."""
    arguments = connect_arguments()
    try:
        connection = psycopg2.connect(**arguments)
        if _has_settings(connection):
            return connection
        connection.close()
    except psycopg2.OperationalError as error:
        if "startup parameter" not in str(error) or "options" in postgres_arguments(settings().database_url):
            raise
    os.environ["PGTZ"] = "UTC"  # libpq reads it; PgBouncer sets the zone in each session that it lends
    return psycopg2.connect(**{**arguments, "options": ""}, connection_factory=Pooled)


def _has_settings(connection: Connection) -> bool:
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SHOW plan_cache_mode")
        shown = cursor.fetchone()
    connection.autocommit = False
    return shown == (PLANS,)


def connect_arguments() -> dict[str, Any]:
    """What psycopg2.connect takes for DATABASE_URL, the session's settings included."""
    arguments = postgres_arguments(settings().database_url)
    session = {
        "timezone": "UTC",
        "plan_cache_mode": PLANS,
        "idle_in_transaction_session_timeout": int(IDLE_IN_TRANSACTION_SECONDS * 1000),
        **{f"tcp_{name}": value for name, value in KEEPALIVES.items()},
    }
    options = " ".join([arguments.pop("options", ""), *(f"-c {name}={value}" for name, value in session.items())])
    ours = {"connect_timeout": 5, "application_name": "nightshift", "tcp_user_timeout": TCP_USER_TIMEOUT_MILLISECONDS}
    return {**ours, **KEEPALIVES, **arguments, "options": options}


def watch(*, every_transaction: bool = False) -> None:
    """End what waits too long for Postgres: TCP notices a host that is gone, not one that only says nothing.

    In this process from now on, in a thread of its own: for a process that forks no more. `every_transaction`: those of
    sessions too, which last long in a job.
    """
    _every["transaction"] |= every_transaction
    Thread(target=_end_overdue, name="watch", daemon=True).start()


def expect_answer(connection: Connection, seconds: float = ANSWER_SECONDS) -> None:
    """From now on its statement may take so long, where this process watches."""
    _waiting[connection] = time.monotonic() + seconds


def lent(connection: Connection) -> None:
    """It goes into a transaction, in which nothing is waited for yet, unless every transaction is watched."""
    if _every["transaction"]:
        expect_answer(connection)
    else:
        answered(connection)


def answered(connection: Connection | None) -> None:
    """Nothing is waited for any more."""
    _waiting.pop(connection, None)  # type: ignore[arg-type]


def _end_overdue() -> None:
    canceling = Thread()
    while True:
        time.sleep(LOOK_SECONDS)
        now = time.monotonic()
        late = {connection: now - ends for connection, ends in list(_waiting.items()) if now > ends}
        for connection in [connection for connection, seconds in late.items() if seconds > CANCEL_SECONDS]:
            del late[connection]
            _cut(connection)
        backends = [each.info.backend_pid for each in late if not isinstance(each, Pooled)]
        if backends and not canceling.is_alive():  # one thread: this opens a connection, and may wait for Postgres too
            canceling = Thread(target=_cancel, args=(backends,), daemon=True)
            canceling.start()


def _cancel(backends: list[int]) -> None:
    """Have Postgres end their statements, so that these do not run on. (psycopg2's own cancel stops the whole process.)"""
    with suppress(psycopg2.Error), closing(connect()) as another:
        another.cursor().execute("SELECT pg_cancel_backend(pid) FROM unnest(%s) pid", (backends,))


def _cut(connection: Connection) -> None:
    """Who waits for an answer finds that the connection is closed."""
    _waiting.pop(connection, None)
    with suppress(OSError, psycopg2.Error), socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)
