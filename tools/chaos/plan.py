"""Which faults there are, and in which order they come."""

import random
from collections.abc import Callable, Iterator

import deaths
import outages
from faulting import Fault, Target
from troubles import TROUBLES

FAULTS: dict[str, Callable[[Target], Fault]] = {
    "none": outages.nothing,
    "SIGKILL worker": deaths.kill_worker,
    "SIGKILL supervisor": deaths.kill_supervisor,
    "SIGKILL scheduler": deaths.kill_scheduler,
    "SIGKILL web process": deaths.kill_web,
    "SIGKILL redis": deaths.kill_server("redis"),
    "SIGKILL postgres": deaths.kill_server("postgres"),
    "SIGSTOP, SIGCONT worker": deaths.stop_worker,
    "Redis away": outages.redis_away,
    "Redis demoted": outages.redis_demoted,
    "Postgres read-only": outages.postgres_read_only,
    "Postgres silent": outages.postgres_silent,
    "Postgres' disk full": outages.postgres_disk_full,
    "no connection left": outages.out_of_connections,
    "FLUSHALL": outages.flush,
    "connections cut": outages.cut_connections,
    **{f"vendors: {name}": outages.vendors_have(name) for name in TROUBLES},
    "deploy": deaths.deploy,
}


def plan(rng: random.Random) -> Iterator[str]:
    """Names of faults without end: first none, then all of them in a random order, again and again."""
    others = sorted(FAULTS.keys() - {"none"})
    yield "none"
    while True:
        yield from rng.sample(others, len(others))
