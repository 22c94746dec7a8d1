"""The URLs of Postgres and Redis, read by their own clients: what a client would refuse later is refused at the start.

The reasons are for people and hold no password.
"""

import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg2
from psycopg2 import OperationalError, ProgrammingError
from psycopg2.extensions import parse_dsn
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.connection import URL_QUERY_ARGUMENT_PARSERS, parse_url
from redis.exceptions import RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

REDIS_PARAMETERS = {*URL_QUERY_ARGUMENT_PARSERS, "username", "password", "client_name"}  # and ssl_...
SENTINEL_PARAMETERS = {"sentinel_username", "sentinel_password"}
SENTINEL_PORT = 26379
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


def redis_pool(url: str, **options: Any) -> ConnectionPool:
    """A pool that has not connected yet. `options` are redis-py's; those of the URL win. Raises ValueError.

    `redis+sentinel://host:port,host:port/<service>/<db>`: each connection is opened to the primary that Sentinel names.
    """
    options = {"retry": Retry(NoBackoff(), 0), **options}
    parts = urlsplit(url)
    scheme, _, by_sentinel = parts.scheme.partition("+")
    if not by_sentinel:
        return ConnectionPool.from_url(url, **options)
    login, at, hosts = parts.netloc.rpartition("@")
    service, _, database = parts.path.strip("/").partition("/")
    if not service or not (database or "0").isdecimal():
        raise ValueError("must end with a service and a database: /<service>/<db>")
    options |= parse_url(f"{scheme}://{login}{at}primary/{database}?{parts.query}")
    options["ssl"] = options.pop("connection_class", None) is not None
    shared = ("socket_", "ssl", "retry")  # what also counts for the connections to Sentinel
    own = {name.removeprefix("sentinel_"): options.pop(name) for name in SENTINEL_PARAMETERS & options.keys()}
    own |= {name: value for name, value in options.items() if name.startswith(shared)}
    del options["host"]
    sentinel = Sentinel([_address(host) for host in hosts.split(",")], sentinel_kwargs=own, **options)
    return SentinelConnectionPool(unquote(service), sentinel, **options)


def check_redis(url: str) -> None:
    """Make a connection from the URL, without connecting. Raises ValueError with the reason."""
    names = parse_qs(urlsplit(url).query, keep_blank_values=True)
    known = REDIS_PARAMETERS | (SENTINEL_PARAMETERS if "+sentinel:" in url else set())
    unknown = [name for name in names if name not in known and not name.startswith("ssl_")]
    if unknown:  # what is no name may be part of a password
        name = unknown[0] if unknown[0].isidentifier() else "(not a name)"
        raise ValueError(f"has a parameter that Redis clients do not know: {name}")
    if url.startswith("unix:") and " " in unquote(urlsplit(url).path):
        raise ValueError("names a socket with a space in its path, which RQ cannot use")
    try:
        redis_pool(url).make_connection()
    except TypeError as error:
        unfit = re.search(r"argument '(\w+)'", str(error))
        raise ValueError(f"has a parameter that does not fit it: {unfit[1]}" if unfit else UNREADABLE) from None
    except (RedisError, ValueError) as error:  # a value
        raise ValueError(f"is refused by the Redis client: {str(error).rstrip('.')}") from None


def _address(host: str) -> tuple[str, int]:
    """Raises ValueError."""
    parts = urlsplit(f"//{host}")
    if not parts.hostname:
        raise ValueError("one of its hosts has no name")
    try:
        return parts.hostname, parts.port or SENTINEL_PORT
    except ValueError:  # which quotes it, and it may be a part of a password
        raise ValueError("one of its hosts has a port that is no number") from None
