"""Faults: servers that are away, wiped or cut off, and vendors that have trouble."""

import signal
from collections.abc import Callable
from contextlib import suppress

import psycopg2
import troubles
from faulting import Fault, Target
from redis.exceptions import RedisError

OTHER_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def nothing(target: Target) -> Fault:
    """For comparison."""
    yield 0
    return ""


def redis_away(target: Target) -> Fault:
    target.machine.held.add("redis")
    target.machine.kill("redis", signal.SIGTERM)
    yield (away := 20 * target.scale)
    target.machine.held.discard("redis")
    return f"{away:.0f} s"


def flush(target: Target) -> Fault:
    with suppress(RedisError):
        target.machine.redis.flushall()
    yield 0
    return ""


def cut_connections(target: Target) -> Fault:
    with suppress(psycopg2.Error):
        target.machine.sql(OTHER_SESSIONS)
    yield 0.2
    with suppress(RedisError):
        target.machine.redis.execute_command("CLIENT", "KILL", "TYPE", "normal")
    return "Postgres' and Redis'"


def vendors_have(trouble: str) -> Callable[[Target], Fault]:
    def fault(target: Target) -> Fault:
        target.vendors.mood = troubles.TROUBLES[trouble](target.rng, target.scale)
        yield (lasts := max(15 * target.scale, 3))
        target.vendors.mood = troubles.none(target.rng)
        return f"{lasts:.0f} s"

    return fault
