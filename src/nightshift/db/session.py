"""Transactions on Postgres. The engine is made on first use: a process that forks must not have used it before."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import psycopg2
from sqlalchemy import Engine, Row, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session

from nightshift.settings import settings

IDLE_SECONDS = 1.0
# Postgres ends a session that says nothing for so long inside a transaction: its process is stopped or cut off, and what it
# has locked (a workspace's row, a lane) would hold up everyone else. As long as a lease: its row is someone else's then.
SILENT_SECONDS = 30.0
PATIENCE_SECONDS = 10.0  # for a restart, or a crash and its recovery
AWAY = (OperationalError, InterfaceError, NoConnection)  # what a Postgres that is away looks like, among others

T = TypeVar("T")


@cache
def engine() -> Engine:
    """The process's pool: up to 20 connections, none opened before it is needed."""
    pool = _pool()
    event.listen(pool, "checkout", _ask_if_idle)
    return pool


def statement(sql: str, *, durable: bool = True, **values: Any) -> list[Row[Any]]:
    """Run one string of SQL in one round trip, as a transaction of its own: the rows of its last statement.

    For the hot paths: a Session's transaction takes three round trips and three times the CPU.
    """
    if not durable:
        sql = f"SET LOCAL synchronous_commit = off; {sql}"
    with engine().connect() as connection, _autocommit(connection.connection.dbapi_connection):
        result = connection.exec_driver_sql(sql, values)
        return list(result) if result.returns_rows else []


def patiently(act: Callable[[], T], until: float | None = None) -> T:
    """What `act` returns; while Postgres is away it is tried again, `until` then (monotonic seconds; None: for 10 s).

    For what must not be lost because of that, such as a vendor's answer. `act` may have taken effect and be repeated, where
    only the word of it was lost.
    """
    until = until or time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return act()
        except AWAY:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


@contextmanager
def _autocommit(raw: Any) -> Iterator[None]:
    """psycopg2's own switch, which sends nothing. (SQLAlchemy's isolation level costs a tenth of a job's time, setting it
    back.)"""
    raw.autocommit = True
    try:
        yield
    finally:
        if not raw.closed:
            raw.autocommit = False


def _pool() -> Engine:
    url = make_url(settings().database_url).set(drivername="postgresql+psycopg2")
    options = f"-c timezone=UTC -c idle_in_transaction_session_timeout={int(SILENT_SECONDS * 1000)}"
    return create_engine(
        url,
        pool_size=5,
        max_overflow=15,
        pool_timeout=5,
        hide_parameters=True,  # an error must not quote a customer's row
        connect_args={"connect_timeout": 5, "application_name": "nightshift", "options": options},
    )


@contextmanager
def transaction(*, durable: bool = True) -> Iterator[Session]:
    """A session that commits at the end of the block and rolls back on any exception, a stop included.

    `durable=False` does not wait for the disk: for marks whose loss the sweep repairs.
    """
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        if not durable:
            session.connection().exec_driver_sql("SET LOCAL synchronous_commit = off")
        yield session


def _ask_if_idle(connection: Any, record: Any, proxy: Any) -> None:
    """Before a connection is used that has lain idle for a second: is Postgres still at the other end? (pool_pre_ping
    asks every time, which costs a round trip in each transaction.)"""
    now = time.monotonic()
    if now - record.info.get("used_at", now) > IDLE_SECONDS:
        try:
            connection.cursor().execute("SELECT 1")
            connection.rollback()
        except psycopg2.Error:
            raise DisconnectionError from None
    record.info["used_at"] = now
