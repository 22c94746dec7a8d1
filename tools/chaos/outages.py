"""Servers and vendors that are there and do not do what they should."""

import signal
from collections.abc import Callable
from contextlib import suppress

import moods
import psycopg2
from redis.exceptions import RedisError
from stage import Fault, Stage


def nothing(stage: Stage) -> Fault:
    """For comparison."""
    yield 0
    return ""


def redis_away(stage: Stage) -> Fault:
    stage.machine.held.add("redis")
    stage.machine.kill("redis", signal.SIGTERM)
    yield (away := 20 * stage.scale)
    stage.machine.held.discard("redis")
    return f"{away:.0f} s"


def flush(stage: Stage) -> Fault:
    with suppress(RedisError):
        stage.machine.redis.flushall()
    yield 0
    return ""


def cut_connections(stage: Stage) -> Fault:
    with suppress(psycopg2.Error):
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        stage.machine.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    yield 0.2
    with suppress(RedisError):
        stage.machine.redis.execute_command("CLIENT", "KILL", "TYPE", "normal")
    return "Postgres' and Redis'"


def vendors_in(mood: str) -> Callable[[Stage], Fault]:
    def fault(stage: Stage) -> Fault:
        stage.vendors.mood = moods.MOODS[mood](stage.rng, stage.scale)
        yield (lasts := max(15 * stage.scale, 3))
        stage.vendors.mood = moods.unhurried(stage.rng)
        return f"{lasts:.0f} s"

    return fault
