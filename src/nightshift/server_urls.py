"""The URLs of Postgres and Redis, read by their own clients: what a client would refuse later is refused at the start.

The reasons are for people and hold no password.
"""

import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg2
from psycopg2 import OperationalError, ProgrammingError
from psycopg2.extensions import parse_dsn
from redis.connection import URL_QUERY_ARGUMENT_PARSERS, ConnectionPool
from redis.exceptions import RedisError

REDIS_PARAMETERS = {*URL_QUERY_ARGUMENT_PARSERS, "username", "password", "client_name"}  # and ssl_...
REDIS_PARAMETERS.remove("retry_on_error")  # takes exceptions, and gets their names
NUMBERS = re.compile("connect_timeout|keepalives.*|tcp_user_timeout")  # which libpq reads only with a server
NO_SERVER = "/nonexistent"  # a directory of sockets: libpq reads all arguments before it finds none
UNREADABLE = "is not a URL that its client can read"


def postgres_arguments(url: str) -> dict[str, str]:
    """The arguments of `psycopg2.connect` that libpq reads from the URL, `options` among them.

    Raises ValueError with the reason.
    """
    try:
        arguments = dict(parse_dsn(url.replace("postgresql+psycopg2://", "postgresql://", 1)))
    except ProgrammingError as error:
        unknown = re.search(r'invalid URI query parameter: "(\w+)"', str(error))
        raise ValueError(
            f"has a parameter that Postgres does not know: {unknown[1]}" if unknown else UNREADABLE
        ) from None
    ports = [port for port in arguments.get("port", "").split(",") if port]
    if not all(port.isdecimal() and 0 < int(port) < 65536 for port in ports):
        raise ValueError(UNREADABLE)
    if "@" in arguments.get("host", ""):
        raise ValueError("has an @ in its user name or password: write it as %40")
    return arguments


def check_postgres(url: str) -> None:
    """Connect with the arguments of the URL, but to no server. Raises ValueError with the reason."""
    arguments: dict[str, Any] = postgres_arguments(url)
    for name, value in arguments.items():
        if NUMBERS.fullmatch(name) and not value.isdecimal():
            raise ValueError(f"is refused by the Postgres client: {name} is not a number")
    hosts = (arguments.pop("hostaddr", "") or arguments.get("host", "")).split(",")
    try:
        psycopg2.connect(**{**arguments, "host": ",".join(NO_SERVER for _ in hosts)})
    except OperationalError as error:
        if NO_SERVER not in str(error):
            raise ValueError(f"is refused by the Postgres client: {str(error).splitlines()[0]}") from None


def check_redis(url: str) -> None:
    """Make a connection from the URL, without connecting. Raises ValueError with the reason."""
    names = parse_qs(urlsplit(url).query, keep_blank_values=True)
    unknown = [name for name in names if name not in REDIS_PARAMETERS and not name.startswith("ssl_")]
    if unknown:  # what is no name may be part of a password
        name = unknown[0] if unknown[0].isidentifier() else "(not a name)"
        raise ValueError(f"has a parameter that Redis clients do not know: {name}")
    if url.startswith("unix:") and " " in unquote(urlsplit(url).path):
        raise ValueError("names a socket with a space in its path, which RQ cannot use")
    try:
        ConnectionPool.from_url(url).make_connection()
    except TypeError as error:
        unfit = re.search(r"argument '(\w+)'", str(error))
        raise ValueError(f"has a parameter that does not fit it: {unfit[1]}" if unfit else UNREADABLE) from None
    except (RedisError, ValueError) as error:  # a value
        raise ValueError(f"is refused by the Redis client: {str(error).rstrip('.')}") from None
