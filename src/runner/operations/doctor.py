"""Looks at what an installation stands on: one finding for each thing, with what to do where it is wrong."""

import ipaddress
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from redis.exceptions import NoPermissionError, RedisError
from sqlalchemy.exc import SQLAlchemyError

from nightshift.channels import accounts
from nightshift.db.migrate import SchemaBehind, check_schema
from nightshift.db.session import statement, transaction
from nightshift.server_errors import reason
from nightshift.settings import settings
from runner.connection import redis

MIN_POSTGRES, MIN_PGVECTOR, MIN_REDIS = (15,), (0, 7), (6, 2)
MAX_SHARE = 0.8  # of connections, of memory
MAX_CLOCK_SECONDS = 30.0
MAX_NAMES = 5

SERVER = """
    SELECT current_setting('server_version') AS version, current_setting('transaction_read_only') = 'on' AS read_only,
           (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS pgvector,
           (SELECT sum(numbackends)::int FROM pg_stat_database) AS connections,
           current_setting('max_connections')::int AS max_connections,
           extract(epoch FROM clock_timestamp())::float8 AS clock
"""
NOT_ALLOWED = """
    SELECT relname AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND CASE relkind
        WHEN 'S' THEN NOT has_sequence_privilege(oid, 'USAGE')
        WHEN 'r' THEN NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
                           AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')) END
    ORDER BY 1
"""


@dataclass(frozen=True)
class Finding:
    """`found`: what there is. `action`: what to do about it; None where it is as it should be."""

    name: str
    found: str
    action: str | None = None


def examine() -> list[Finding]:
    """Everything there is to look at. It changes nothing, and takes some seconds where a server is away."""
    findings: list[Finding] = []
    for look, name, action in CHECKS:
        try:
            findings += look()
        except (SQLAlchemyError, RedisError, SchemaBehind) as error:
            findings.append(Finding(name, reason(error), action))
    return findings


def _check(name: str, found: str, right: bool, action: str) -> Finding:
    return Finding(name, found, None if right else action)


def _postgres() -> Iterator[Finding]:
    asked = time.time()
    [row] = statement(SERVER)
    ahead = (asked + time.time()) / 2 - row.clock
    yield _check("Postgres", row.version, _version(row.version) >= MIN_POSTGRES, "Upgrade to Postgres 15 or newer.")
    access = "read-only" if row.read_only else "takes writes"
    yield _check("Postgres writes", access, not row.read_only, "Let DATABASE_URL lead to the primary.")
    vector = row.pgvector or "missing"
    newest = "Install pgvector 0.7 or newer, then CREATE EXTENSION vector (or ALTER EXTENSION vector UPDATE)."
    yield _check("pgvector", vector, _version(vector) >= MIN_PGVECTOR, newest)
    few = row.connections <= row.max_connections * MAX_SHARE
    pool = "Raise max_connections, lower DB_POOL_SIZE, or put PgBouncer in between."
    yield _check("connections", f"{row.connections} of {row.max_connections}", few, pool)
    yield _check("clock", f"{ahead:+.1f} s from Postgres", abs(ahead) < MAX_CLOCK_SECONDS, "Let NTP set this clock.")


def _schema() -> Iterator[Finding]:
    yield Finding("schema", check_schema())
    names = [row.name for row in statement(NOT_ALLOWED)]
    rights = "GRANT SELECT, INSERT, UPDATE, DELETE on tables and USAGE on sequences to the user of DATABASE_URL."
    yield _check("rights in Postgres", _named(names, "missing on"), not names, rights)


def _keys() -> Iterator[Finding]:
    with transaction() as session:
        count, lost = accounts.unreadable(session)
    back = "Put the key that sealed them back into CREDENTIAL_KEYS, or the credentials again."
    yield _check("CREDENTIAL_KEYS", _named(lost, "open all but", f"open all of {count} accounts"), not lost, back)


def _redis() -> Iterator[Finding]:
    info: dict[str, Any] = redis().info()
    version = str(info["redis_version"])
    yield _check("Redis", version, _version(version) >= MIN_REDIS, "Upgrade to Redis 6.2 or newer.")
    role = str(info["role"])
    yield _check("Redis role", role, role == "master", "Let REDIS_URL lead to the primary.")
    policy = str(info["maxmemory_policy"])
    yield _check("Redis eviction", policy, policy == "noeviction", "Set maxmemory-policy noeviction.")
    used, most = int(info["used_memory"]), int(info["maxmemory"])
    found, free = f"{used >> 20} MB of {most >> 20}" if most else f"{used >> 20} MB, no limit", used < most * MAX_SHARE
    yield _check("Redis memory", found, free or not most, "Raise maxmemory: a full Redis takes no job.")
    kept = info["aof_enabled"] and info["aof_last_write_status"] == "ok"
    yield _check("Redis persistence", "append-only file" if kept else "none that works", kept, "Set appendonly yes.")


def _rights_in_redis() -> Iterator[Finding]:
    missing = []
    for name, attempt in ATTEMPTS.items():
        try:
            attempt(redis())
        except NoPermissionError:
            missing.append(name)
    rights = "Give the user of REDIS_URL the rights that docs/operations.md lists."
    yield _check("rights in Redis", _named(missing, "missing for"), not missing, rights)


# Reads, writes that leave nothing behind, and everything else that the program asks of Redis.
ATTEMPTS: dict[str, Callable[[Any], object]] = {
    "reading": lambda connection: connection.llen("rq:queue:doctor"),
    "keys rq:*": lambda connection: connection.delete("rq:doctor"),
    "keys nightshift:*": lambda connection: connection.delete("nightshift:doctor"),
    "blocking calls": lambda connection: connection.blpop(["rq:queue:doctor"], 0.01),
    "scripts": lambda connection: connection.eval("return redis.call('DEL', KEYS[1])", 1, "rq:doctor"),
    "transactions": lambda connection: connection.transaction(lambda pipe: pipe.exists("nightshift:doctor")),
}


def _public_url() -> Iterator[Finding]:
    url = settings().public_url
    if url is None:
        yield Finding("PUBLIC_URL", "not set: vendors are asked for no reports, and mail has no links")
        return
    parts = urlsplit(url)
    if not settings().production:
        yield Finding("PUBLIC_URL", url)
    elif parts.scheme != "https":
        yield Finding("PUBLIC_URL", url, "Use https: keys and customers' words travel on it.")
    else:
        there = "Name the address at which vendors reach this installation."
        yield _check("PUBLIC_URL", url, _is_public(parts.hostname or ""), there)


def _is_public(host: str) -> bool:
    """Whether this may be an address on the internet."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".localhost"))


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text.partition(" ")[0]))


def _named(names: list[str], wrong: str, right: str = "complete") -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"{wrong} {', '.join(names[:MAX_NAMES])}{more}" if names else right


# How each looks, what it is called where it cannot, and what to do then.
CHECKS: list[tuple[Callable[[], Iterator[Finding]], str, str]] = [
    (_postgres, "Postgres", "Start Postgres, or correct DATABASE_URL."),
    (_schema, "schema", "Run make migrate with this release."),
    (_keys, "CREDENTIAL_KEYS", "They are looked at when Postgres answers and has the schema."),
    (_redis, "Redis", "Start Redis, or correct REDIS_URL; its user needs the right +info."),
    (_rights_in_redis, "rights in Redis", "They are tried when Redis answers."),
    (_public_url, "PUBLIC_URL", ""),
]
