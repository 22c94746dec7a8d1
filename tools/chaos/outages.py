"""Faults: servers that are away, wiped or cut off, and vendors that have trouble."""

import signal
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress

import psutil
import psycopg2
import troubles
from faulting import Fault, Target, send_signal
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


def redis_demoted(target: Target) -> Fault:
    """A replica now, whose connections live: it refuses writes."""
    with suppress(RedisError):
        target.machine.redis.replicaof("127.0.0.1", "1")
    yield (lasts := 20 * target.scale)
    with suppress(RedisError):
        target.machine.redis.replicaof("NO", "ONE")
    return f"{lasts:.0f} s"


def postgres_read_only(target: Target) -> Fault:
    """As after a failover. Nothing happens where it is still starting after the last fault."""
    try:
        writes = psycopg2.connect(target.machine.postgres.url)
    except psycopg2.Error:
        yield 0
        return "not there"
    with closing(writes) as connection:
        connection.autocommit = True
        run = connection.cursor().execute
        run("SET default_transaction_read_only = off")
        run("ALTER SYSTEM SET default_transaction_read_only = on")
        run("SELECT pg_reload_conf()")
        yield (lasts := 40 * target.scale)
        run("ALTER SYSTEM RESET default_transaction_read_only")
        run("SELECT pg_reload_conf()")
    return f"{lasts:.0f} s"


def postgres_silent(target: Target) -> Fault:
    """Its host stands still: connections are accepted, and nothing is answered. Longer than a lease."""
    family = [psutil.Process(target.machine.postgres.process.pid), *target.machine.children("postgres")]
    for process in family:
        send_signal(process.pid, signal.SIGSTOP)
    yield (lasts := max(40 * target.scale, 5))
    for process in family:
        send_signal(process.pid, signal.SIGCONT)
    return f"{lasts:.0f} s"


def out_of_connections(target: Target) -> Fault:
    """Everyone's are cut, and others take all there are."""
    with ExitStack() as held:
        for _ in range(2):
            with suppress(psycopg2.Error):
                target.machine.sql(OTHER_SESSIONS.replace("pid <>", "application_name = 'nightshift' AND pid <>"))
            with suppress(psycopg2.Error):
                while True:
                    held.enter_context(closing(psycopg2.connect(target.machine.postgres.url)))
        yield (lasts := 20 * target.scale)
    return f"{lasts:.0f} s"


def postgres_disk_full(target: Target) -> Fault:
    """Not a byte fits any more. Where nobody may mount a file system, nothing happens."""
    if not target.machine.disk.is_mounted:
        yield 0
        return "not here: no file system could be mounted"
    with target.machine.disk.full():
        yield (lasts := 20 * target.scale)
    return f"{lasts:.0f} s"


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
