"""Transactions on Postgres. The engine is made on first use: a process that forks must not have used it before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.orm import Session

from nightshift.settings import settings


@cache
def engine() -> Engine:
    """The process's pool: up to 20 connections, none opened before it is needed."""
    url = make_url(settings().database_url).set(drivername="postgresql+psycopg2")
    return create_engine(
        url,
        pool_size=5,
        max_overflow=15,
        pool_timeout=5,
        pool_pre_ping=True,
        hide_parameters=True,  # an error must not quote a customer's row
        connect_args={"connect_timeout": 5, "application_name": "nightshift", "options": "-c timezone=UTC"},
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
