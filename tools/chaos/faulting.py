"""What a fault is, and what faults share."""

import os
import random
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass

import psycopg2
from machine import Machine
from redis.exceptions import RedisError
from vendors import Vendors

# A fault acts and yields how many seconds later its next step is due; it returns its details for the table.
Fault = Generator[float, None, str]


@dataclass(frozen=True)
class Target:
    """What a fault acts on. `scale`: 1.0 for a run of five minutes or more, less for a shorter one."""

    machine: Machine
    vendors: Vendors
    rng: random.Random
    scale: float


def busy_worker(target: Target) -> tuple[int, str]:
    """The pid and the name of a worker that holds a lease; else any worker's pid and no name; pid 0 where there is none."""
    with suppress(psycopg2.Error, RedisError):
        leased = "SELECT lease_owner FROM outbox WHERE state = 'running' AND lease_owner NOT LIKE 'direct-%'"
        names = [name for (name,) in target.machine.sql(leased)]
        target.rng.shuffle(names)
        for name in sorted(names, key=lambda name: name.startswith("email-")):  # mail last: its jobs are over too soon
            if pid := target.machine.redis.hget(f"rq:worker:{name}", "pid"):
                return int(pid), name
    children = target.machine.children("worker")
    return (target.rng.choice(children).pid if children else 0), ""


def send_signal(pid: int, signum: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signum)
