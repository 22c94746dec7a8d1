"""What goes wrong, and in which order."""

import random
from collections.abc import Callable, Generator

import deaths
import moods
import outages
from stage import Fault, Stage

FAULTS: dict[str, Callable[[Stage], Fault]] = {
    "none": outages.nothing,
    "SIGKILL worker child": deaths.kill_worker_child,
    "SIGKILL supervisor": deaths.kill_supervisor,
    "SIGKILL scheduler": deaths.kill_scheduler,
    "SIGKILL web process": deaths.kill_web,
    "SIGKILL redis": deaths.kill_redis,
    "SIGKILL postgres": deaths.kill_postgres,
    "SIGSTOP, SIGCONT worker": deaths.stop_worker,
    "Redis away": outages.redis_away,
    "FLUSHALL": outages.flush,
    "connections cut": outages.cut_connections,
    **{f"vendors: {mood}": outages.vendors_in(mood) for mood in moods.MOODS},
    "deploy": deaths.deploy,
}


def plan(rng: random.Random) -> Generator[str, None, None]:
    """Names of faults without end: first the calm, then all of them in a random order, again and again."""
    others = sorted(FAULTS.keys() - {"none"})
    yield "none"
    while True:
        yield from rng.sample(others, len(others))
