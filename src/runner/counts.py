"""Adds up what all processes have counted: a hash in Redis, from which /metrics is read.

Workers hand theirs over with each job (step.lua) and lose what Redis refuses. Redis away: a process keeps its own until it is
back. Redis emptied: the counts begin at zero, as Prometheus expects of a restart. Rows that are deleted take nothing away.
"""

import time

from redis.exceptions import RedisError

from nightshift import metrics
from runner.connection import redis

COUNTS = "nightshift:metrics"  # hash: "<series> <label> ..." -> how many
FLUSH_SECONDS = 2.0


def flush() -> None:
    """Hand over what this process has counted. A Redis that is away is another one's to report."""
    if not (new := metrics.drain()):
        return
    try:
        with redis().pipeline(transaction=False) as pipe:
            for field, by in new.items():
                pipe.hincrby(COUNTS, field, by)
            done = pipe.execute(raise_on_error=False)
    except RedisError:
        metrics.restore(new)
    else:  # what a full Redis, or a field that is no number, did not take
        metrics.restore(
            {field: by for (field, by), took in zip(new.items(), done, strict=True) if isinstance(took, Exception)}
        )


def keep_flushing() -> None:
    """For ever: in a thread of a process that has no loop of its own."""
    while True:
        time.sleep(FLUSH_SECONDS)
        flush()
