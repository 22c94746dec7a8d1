"""What goes wrong, each fault a generator: it does something and yields how many seconds the next step is away.

What it returns is said of it in the table. Deadlines of the program are not waited for in a short run: see travel.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass

import moods
import psycopg2
from machine import Machine
from redis.exceptions import RedisError
from vendors import Vendors

Fault = Generator[float, None, str]


@dataclass(frozen=True)
class Stage:
    """Where a fault happens. `scale`: 1.0 for a run of five minutes and more, less for a shorter one."""

    machine: Machine
    vendors: Vendors
    rng: random.Random
    scale: float


def nothing(stage: Stage) -> Fault:
    """For comparison."""
    yield 0
    return ""


def kill_worker_child(stage: Stage) -> Fault:
    """One that is at work, where there is one."""
    pid = _busy_worker(stage)
    if pid:
        _signal(pid, signal.SIGKILL)
    yield 0
    return f"pid {pid}"


def kill_supervisor(stage: Stage) -> Fault:
    """Its children are orphans until an init system ends them and starts it again."""
    stage.machine.held.add("worker")
    stage.machine.kill("worker")
    yield (away := stage.rng.choice([0.0, 6.0]) * max(stage.scale, 0.4))
    stage.machine.held.discard("worker")
    return f"its children orphans for {away:.0f} s"


def kill_scheduler(stage: Stage) -> Fault:
    name = stage.rng.choice(["scheduler-1", "scheduler-2"])
    stage.machine.kill(name)
    yield 0
    return name


def kill_web(stage: Stage) -> Fault:
    """A process of gunicorn in the middle of its requests."""
    children = stage.machine.children("web")
    if children:
        _signal(stage.rng.choice(children).pid, signal.SIGKILL)
    yield 0
    return ""


def kill_redis(stage: Stage) -> Fault:
    stage.machine.kill("redis")
    yield 0
    return ""


def kill_postgres(stage: Stage) -> Fault:
    stage.machine.kill("postgres")
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


def stop_worker(stage: Stage) -> Fault:
    """SIGSTOP until another has its row, then SIGCONT: what it still does must not count."""
    pid = _busy_worker(stage)
    if not pid:
        yield 0
        return "none was at work"
    _signal(pid, signal.SIGSTOP)
    yield (stopped := max(50 * stage.scale, 6))
    _signal(pid, signal.SIGCONT)
    return f"pid {pid}, {stopped:.0f} s"


def vendors_in(mood: str) -> Callable[[Stage], Fault]:
    def fault(stage: Stage) -> Fault:
        stage.vendors.mood = moods.MOODS[mood](stage.rng, stage.scale)
        yield (lasts := max(15 * stage.scale, 3))
        stage.vendors.mood = moods.unhurried(stage.rng)
        return f"{lasts:.0f} s"

    return fault


def deploy(stage: Stage) -> Fault:
    """SIGTERM to everything but the servers, and a start as soon as the last one is gone."""
    names = list(stage.machine.apps)
    stage.machine.held.update(names)
    for name in names:
        stage.machine.kill(name, signal.SIGTERM)
    waited = 0.0
    while any(stage.machine.kept[name].running() for name in names):
        waited += 0.1
        yield 0.1
    stage.machine.held.difference_update(names)
    return f"all gone after {waited:.0f} s"


FAULTS: dict[str, Callable[[Stage], Fault]] = {
    "none": nothing,
    "SIGKILL worker child": kill_worker_child,
    "SIGKILL supervisor": kill_supervisor,
    "SIGKILL scheduler": kill_scheduler,
    "SIGKILL web process": kill_web,
    "SIGKILL redis": kill_redis,
    "SIGKILL postgres": kill_postgres,
    "SIGSTOP, SIGCONT worker": stop_worker,
    "Redis away": redis_away,
    "FLUSHALL": flush,
    "connections cut": cut_connections,
    **{f"vendors: {mood}": vendors_in(mood) for mood in moods.MOODS},
    "deploy": deploy,
}


def plan(rng: random.Random) -> Generator[str, None, None]:
    """Names of faults without end: first the calm, then all of them in a random order, again and again."""
    others = sorted(FAULTS.keys() - {"none"})
    yield "none"
    while True:
        yield from rng.sample(others, len(others))


def _busy_worker(stage: Stage) -> int:
    """The pid of a worker that holds a lease now; else of any; 0 where that cannot be told."""
    with suppress(psycopg2.Error, RedisError):
        rows = stage.machine.sql("SELECT lease_owner FROM work WHERE lease_owner NOT LIKE 'direct-%'")
        for (owner,) in stage.rng.sample(sorted(rows), len(rows)):
            if pid := stage.machine.redis.hget(f"rq:worker:{owner}", "pid"):
                return int(pid)
    children = stage.machine.children("worker")
    return stage.rng.choice(children).pid if children else 0


def _signal(pid: int, signum: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signum)
