"""Time travel: no wait of the program is longer than a few seconds here, so that a run shows what an hour would.

The program is as it is, its deadlines too; only their moments in the database are moved, as the suite does it.
"""

from contextlib import suppress

import psycopg2
from machine import Machine
from redis.exceptions import RedisError

from jobs.queues import QUEUES

LONGEST_WAIT_SECONDS = 8  # between two runs of a row; a vendor's own waits are shorter here and are not touched
LEASE_LEFT_SECONDS = 15  # a living worker has renewed its lease long before so little of it is left

WAITED = """
    UPDATE work SET due_at = now()
    WHERE state = 'pending' AND lease_owner IS NULL AND failures > 0 AND due_at > now() AND due_at < 'infinity'
          AND updated_at < now() - %s * interval '1 second'
    RETURNING job, row_id, generation
"""
LAPSED = "UPDATE work SET lease_until = now() WHERE lease_until < now() + %s * interval '1 second'"
REDIS_TIMES = tuple(f"rq:scheduled:{queue}" for queue in QUEUES)


def travel(machine: Machine, leases: bool) -> None:
    """Who has waited long enough is due; with `leases`, who has not renewed a lease for 15 s has lost it."""
    with suppress(psycopg2.Error, RedisError):
        waited = {f"{job}-{row}-{generation}".encode() for job, row, generation in _waited(machine)}
        for key in REDIS_TIMES if waited else ():
            for name in waited.intersection(machine.redis.zrange(key, 0, -1)):
                machine.redis.zadd(key, {name: 1}, xx=True)
        if leases:
            machine.sql(LAPSED, LEASE_LEFT_SECONDS)


def _waited(machine: Machine) -> list[tuple[str, str, int]]:
    return list(machine.sql(WAITED, LONGEST_WAIT_SECONDS))
