"""Why Postgres or Redis does not serve us: one line of the log, however many processes meet it."""

import logging
import mmap
import time
import zlib
from typing import Any

import psycopg2
from psycopg2 import errors
from redis.exceptions import RedisError

from nightshift.errors import one_line
from nightshift.logs import log, where

QUIET_SECONDS = 60.0  # a reason that nobody met for so long is logged again
MAX_CHARACTERS = 400
# What these say names hosts, accounts, databases and tables. Other errors of a statement may quote a customer's row.
SAY_NO_DATA = (
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
    errors.ReadOnlySqlTransaction,
    errors.InsufficientPrivilege,
    errors.UndefinedTable,
    errors.FeatureNotSupported,
    RedisError,
)

_met = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("d")  # when a reason was last met: shared with forked processes


def log_server_error(event: str, error: BaseException, **fields: Any) -> None:
    """Log `event` with the reason, unless this process or one forked from the same parent met it within the last minute."""
    why = reason(error)
    slot, now = zlib.crc32(why.encode()) % len(_met), time.monotonic()
    met, _met[slot] = _met[slot], now
    if not met or now - met > QUIET_SECONDS:
        log(event, logging.WARNING, **fields, error=why)


def reason(error: BaseException) -> str:
    """The server's name and what it or its client said, in one line: never a password or a row. Of another error its class
    and place."""
    cause = getattr(error, "orig", None) or error
    if not isinstance(cause, SAY_NO_DATA):
        return where(error)
    said = getattr(getattr(cause, "diag", None), "message_primary", None) or str(cause)
    said = said.partition(", with args")[0]  # of a command that Redis does not know: AUTH has a password
    server = "Redis" if isinstance(cause, RedisError) else "Postgres"
    return f"{server}: {one_line(said, MAX_CHARACTERS) or where(cause)}"
