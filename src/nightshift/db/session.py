"""Transactions on Postgres. The engine is made on first use: a process that forks must not have used it before."""

import re
import time
from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import psycopg2
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session

from nightshift import clock
from nightshift.db.connection import PROBE_SECONDS, Pooled, answered, connect, expect_answer, lent
from nightshift.settings import settings

IDLE_SECONDS = 1.0
RETRY_SECONDS = 10.0  # for a restart, or a crash and its recovery
DISCONNECTED = (OperationalError, InterfaceError, NoConnection)  # what SQLAlchemy raises while Postgres is away
NO_SUCH_STATEMENT, STATEMENT_EXISTS, PLAN_IS_STALE = "26000", "42P05", "0A000"  # SQLSTATEs
UNUSABLE = {NO_SUCH_STATEMENT, STATEMENT_EXISTS, PLAN_IS_STALE}  # what is prepared there is not what we know of
# Read-only (it failed over), disk full, no connection left, shutting down: as good as disconnected.
UNAVAILABLE = {"25006", "53100", "53300", "57P01", "57P02", "57P03"}
PARAMETER = re.compile(r"%\((\w+)\)s")
UNPREPARED = "unprepared"  # a note of a connection
# A replica is read-only. 20,000 rows in 64 kB go through a temporary file, which a full disk does not take.
WRITABLE = """
    SELECT current_setting('transaction_read_only') = 'off' AND (SELECT count(*) FROM generate_series(1, 20000)) > 0 AS there,
           EXISTS (SELECT FROM outbox) AS migrated
"""

T = TypeVar("T")


@cache
def engine() -> Engine:
    """The process's pool: up to DB_POOL_SIZE connections, none opened before it is needed."""
    pool = _pool()
    event.listen(pool, "checkout", _check)
    event.listen(pool, "checkin", lambda connection, record: answered(connection))
    event.listen(pool, "handle_error", _classify)
    return pool


def statement(*sql: str, durable: bool = True, **values: Any) -> list[Any]:
    """Run SQL as a transaction of its own, in one round trip: the rows of the last statement.

    For the hot paths, past SQLAlchemy but on its pool: 0.03 ms of CPU where a Connection takes 0.1 and a Session 0.3. Each
    statement is prepared once per connection: planning took two to four times as long as executing.
    `durable=False` does not wait for the disk: for marks whose loss reconciliation repairs.
    """
    prefix = "" if durable else "SET LOCAL synchronous_commit = off; "
    try:
        return _execute(prefix, sql, values)
    except DBAPIError as error:
        # A pooler in transaction mode has lent another session; or a migration changed what a prepared statement returns
        if getattr(error.orig, "pgcode", None) not in (NO_SUCH_STATEMENT, PLAN_IS_STALE):
            raise
    return _execute(prefix, sql, values, prepare=False)  # neither error left an effect


def execute(session: Session, *sql: str, alone: bool = False, **values: Any) -> Sequence[Any]:
    """Run SQL in the session's transaction, in one round trip: the rows of the last statement.

    For the hot paths: without the ORM and SQLAlchemy's compiler, which take 0.2 ms of CPU a statement, and prepared once per
    connection. What the session holds and has not flushed is not written before, except for `alone`.
    `alone`: it needs no transaction with what follows: a read, or the last that its caller writes. Where nothing was before
    either, it is committed at once: a BEGIN and a COMMIT would take as long as two more statements.
    """
    if alone:
        session.flush()  # a read finds what its caller has changed
        if "begun" not in session.info:
            return statement(*sql, **values)
    connection = session.connection()
    known, kept = connection.info, connection.connection.dbapi_connection
    if not isinstance(kept, Pooled) and UNPREPARED not in known:
        for name, definition, _ in map(_preparation, sql):
            if name not in known:
                connection.exec_driver_sql(definition, execution_options={"no_parameters": True})
                known[name] = True
        sql = tuple(_preparation(part)[2] for part in sql)
    result = connection.exec_driver_sql("; ".join(sql), values)
    return result.all() if result.returns_rows else []


@event.listens_for(Session, "after_begin")
def _begun(session: Session, *_: Any) -> None:
    session.info["begun"] = True


def writable() -> bool:
    """Whether Postgres takes writes. Raises what SQLAlchemy raises while it is away."""
    return bool(_execute("SET LOCAL work_mem = '64kB'; ", (WRITABLE,), {}, prepare=False)[0].there)


def _execute(prefix: str, sql: tuple[str, ...], values: dict[str, Any], *, prepare: bool = True) -> list[Any]:
    borrowed: Any = None
    try:
        borrowed = engine().raw_connection()
        expect_answer(borrowed.dbapi_connection)
        borrowed.dbapi_connection.autocommit = True  # psycopg2's own switch, which sends nothing
        with borrowed.dbapi_connection.cursor() as cursor:
            if prepare and not isinstance(borrowed.dbapi_connection, Pooled) and UNPREPARED not in borrowed.info:
                sql = tuple(_prepared(cursor, borrowed.info, part) for part in sql)
            cursor.execute(prefix + "; ".join(sql), values)
            return _rows(cursor)
    except psycopg2.Error as error:
        lost = borrowed is None or bool(borrowed.dbapi_connection.closed) or error.pgcode in UNAVAILABLE
        if borrowed is not None and error.pgcode == NO_SUCH_STATEMENT:
            borrowed.info[UNPREPARED] = True
        if borrowed is not None and (lost or error.pgcode == PLAN_IS_STALE):
            answered(borrowed.dbapi_connection)
            engine().pool._invalidate(borrowed, error)  # as SQLAlchemy does: the older ones are replaced too
        if error.pgcode in UNAVAILABLE:
            raise OperationalError(None, None, error, hide_parameters=True, connection_invalidated=True) from None
        raise DBAPIError.instance(
            None, None, error, psycopg2.Error, hide_parameters=True, connection_invalidated=lost
        ) from None
    finally:
        if borrowed is not None:
            if borrowed.is_valid and not borrowed.dbapi_connection.closed:
                borrowed.dbapi_connection.autocommit = False
            borrowed.close()


def _prepared(cursor: Any, known: dict[str, Any], sql: str) -> str:
    """The EXECUTE that runs `sql` on this connection, prepared where it was not yet; `known`: the connection's notes."""
    name, definition, call = _preparation(sql)
    if name not in known:
        try:
            cursor.execute(definition)
        except psycopg2.Error as error:
            if error.pgcode != STATEMENT_EXISTS:  # else an interrupted call, or another client of a pooler, prepared it
                raise
        known[name] = True
    return call


@cache
def _preparation(sql: str) -> tuple[str, str, str]:
    """A statement's name, its PREPARE and its EXECUTE with named parameters."""
    names = list(dict.fromkeys(PARAMETER.findall(sql)))
    name = f"nightshift_{abs(hash(sql)):x}"
    body = PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql).replace("%%", "%")
    arguments = ", ".join(f"%({parameter})s" for parameter in names)
    return name, f"PREPARE {name} AS {body}", f"EXECUTE {name}({arguments})" if names else f"EXECUTE {name}"


def _rows(cursor: Any) -> list[Any]:
    if cursor.description is None:
        return []
    return list(map(_row_type(tuple(column.name for column in cursor.description))._make, cursor))


@cache
def _row_type(names: tuple[str, ...]) -> Any:
    return namedtuple("Row", names, rename=True)


def retry_while_disconnected(act: Callable[[], T], until: float | None = None) -> T:
    """What `act` returns. While Postgres is away it is tried again until `until` (monotonic seconds; None: for 10 s).

    For what must not be lost because of that, such as a vendor's answer. `act` may have taken effect and be repeated, where
    only the confirmation of its commit was lost.
    """
    until = until or time.monotonic() + RETRY_SECONDS
    while True:
        try:
            return act()
        except DISCONNECTED:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def _pool() -> Engine:
    return create_engine(
        "postgresql+psycopg2://",
        pool_size=settings().db_pool_size,  # kept: a connection opened and closed for one use costs 3 ms of CPU
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,  # an error must not quote a customer's row
        creator=connect,
    )


@contextmanager
def transaction(*, durable: bool = True) -> Iterator[Session]:
    """A session that commits at the end of the block and rolls back on any exception, a stop included."""
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        if clock.is_stale():  # what the block writes carries the right time from its first line on
            session.connection()
        if not durable:
            session.connection().exec_driver_sql("SET LOCAL synchronous_commit = off")
        yield session


def is_unavailable(error: BaseException) -> bool:
    """Whether Postgres said that it can do nothing for anybody now, which is no fault of what was asked of it."""
    return getattr(getattr(error, "orig", None) or error, "pgcode", None) in UNAVAILABLE


def _classify(context: Any) -> Exception | None:
    """A Postgres that is there and can do nothing for us is away: its connections are dropped, the error says so."""
    if getattr(context.original_exception, "pgcode", None) not in UNAVAILABLE | UNUSABLE:
        return None
    context.is_disconnect = True
    return OperationalError(None, None, context.original_exception, hide_parameters=True, connection_invalidated=True)


def _check(connection: Any, record: Any, proxy: Any) -> None:
    """Before a connection that was idle for a second is used: is Postgres still at the other end, and what time is it there?
    (pool_pre_ping asks every time, which costs a round trip in each transaction.)"""
    expect_answer(connection, PROBE_SECONDS)
    if connection.autocommit:  # a signal interrupted the call that had it before
        connection.autocommit = False
    now = time.monotonic()
    if now - record.info.get("used_at", 0.0) > IDLE_SECONDS or clock.is_stale():
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT clock_timestamp()")
                clock.learn(cursor.fetchone()[0], now)
            connection.rollback()
        except psycopg2.Error:
            raise InvalidatePoolError from None  # the others are older
    record.info["used_at"] = now
    lent(connection)
