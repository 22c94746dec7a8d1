"""Where a fault happens, and what faults share."""

import os
import random
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass

import psycopg2
from machine import Machine
from redis.exceptions import RedisError
from vendors import Vendors

# A fault does something and yields how many seconds its next step is away; what it returns is said of it in the table.
Fault = Generator[float, None, str]


@dataclass(frozen=True)
class Stage:
    """Where a fault happens. `scale`: 1.0 for a run of five minutes and more, less for a shorter one."""

    machine: Machine
    vendors: Vendors
    rng: random.Random
    scale: float


def busy_worker(stage: Stage) -> tuple[int, str]:
    """The pid and the name of a worker that holds a lease now; else the pid of any and no name; 0 where there is none."""
    with suppress(psycopg2.Error, RedisError):
        rows = stage.machine.sql("SELECT lease_owner FROM work WHERE lease_owner NOT LIKE 'direct-%'")
        owners = stage.rng.sample(sorted(owner for (owner,) in rows), len(rows))
        for owner in sorted(owners, key=lambda owner: owner.startswith("email-")):  # mail is over too soon to be met
            if pid := stage.machine.redis.hget(f"rq:worker:{owner}", "pid"):
                return int(pid), owner
    children = stage.machine.children("worker")
    return (stage.rng.choice(children).pid if children else 0), ""


def send_signal(pid: int, signum: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signum)
