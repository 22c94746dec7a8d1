"""The doorbell: which rows may have a job in Redis now, and putting it there.

Postgres knows what is owed; Redis only says "look". A ring that is lost costs nothing but the time until the sweep.
"""

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Retry
from sqlalchemy.exc import SQLAlchemyError

from jobs.account import KEPT_SECONDS
from jobs.connection import redis
from jobs.registry import JOBS
from jobs.rq_job import queue
from jobs.spec import JobSpec, job_id
from nightshift import clock
from nightshift.db.session import statement
from nightshift.logs import log

HORIZON = timedelta(seconds=15)  # a row due before the next sweep is rung now, for its time
EARLY = timedelta(seconds=0.1)  # clocks differ by so much; more, and a held row would be tried in a loop until its time
PAUSE_SECONDS = 1.0  # after Redis did not answer, it is left alone this long

# A workspace has at most as many jobs in Redis as its queue has workers on a machine: another workspace's job waits for
# one round of them, however many rows the first one has. What is rung ahead of its time takes no place of what is due,
# and is bounded by the same number. Its ringers take turns by an advisory lock: the moment is the one when it has it.
TAKE = """
    SELECT pg_advisory_xact_lock(hashtextextended(%(job)s || ' ' || %(workspace)s, 0));
    WITH moment (now, horizon) AS MATERIALIZED (
        SELECT at, at + %(horizon)s FROM (SELECT greatest(%(now)s, clock_timestamp())) AS had (at)
    ), rung AS (
        SELECT count(*) FILTER (WHERE due_at <= (SELECT now FROM moment)) AS due,
               count(*) FILTER (WHERE due_at > (SELECT now FROM moment)) AS ahead
        FROM work WHERE job = %(job)s AND workspace_id = %(workspace)s AND state = 'pending' AND rung_at IS NOT NULL
    ), due AS (
        SELECT row_id FROM work
        WHERE job = %(job)s AND workspace_id = %(workspace)s AND state = 'pending' AND rung_at IS NULL
              AND lease_owner IS NULL AND due_at <= (SELECT now FROM moment)
        ORDER BY due_at, row_id LIMIT greatest(0, %(bound)s - (SELECT due FROM rung)) FOR UPDATE SKIP LOCKED
    ), ahead AS (
        SELECT row_id FROM work
        WHERE job = %(job)s AND workspace_id = %(workspace)s AND state = 'pending' AND rung_at IS NULL
              AND lease_owner IS NULL AND due_at > (SELECT now FROM moment) AND due_at <= (SELECT horizon FROM moment)
        ORDER BY due_at, row_id LIMIT greatest(0, %(bound)s - (SELECT ahead FROM rung)) FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE work SET rung_at = %(now)s, generation = generation + 1
        WHERE job = %(job)s AND row_id IN (SELECT row_id FROM due UNION ALL SELECT row_id FROM ahead)
        RETURNING row_id, generation, due_at, failures
    )
    SELECT taken.*, to_jsonb(shown) - 'id' AS payload
    FROM taken LEFT JOIN LATERAL (SELECT * FROM ({payload}) AS shown WHERE id = row_id) AS shown ON true
    ORDER BY due_at, row_id
"""
UNRUNG = """
    SELECT DISTINCT job, workspace_id FROM work WHERE state = 'pending' AND rung_at IS NULL AND due_at <= %(horizon)s
"""

_silent_until = 0.0


def ring_due(job: str, workspace_id: str) -> int:
    """Ring what a workspace may have rung now: after a commit, and after each job for its successor.

    Returns how many jobs went into Redis. Where Redis or Postgres is away it says so and rings nothing for a second: the
    sweep will.
    """
    global _silent_until
    if time.monotonic() < _silent_until:
        return 0
    rows = []
    try:
        if rows := take(job, workspace_id):
            with redis().pipeline() as pipe:
                put(pipe, job, rows)
                pipe.execute()
    except (RedisError, SQLAlchemyError) as error:
        _silent_until = time.monotonic() + PAUSE_SECONDS
        log("ring lost", logging.WARNING, job=job, rows=len(rows), error=type(error).__name__)
    return len(rows)


def take(job: str, workspace_id: str) -> list[Any]:
    """The rows of a workspace that may be rung now, marked as rung, the longest due first.

    What then is not put into Redis, the sweep rings.
    """
    spec = JOBS[job]
    values = dict(job=job, workspace=workspace_id, now=clock.now(), horizon=HORIZON, bound=spec.queue.workers)
    return statement(TAKE.format(payload=spec.payload), durable=False, **values)


def put(pipe: Pipeline, job: str, rows: Sequence[Any]) -> None:
    """Add a job for each row to a pipeline of Redis commands."""
    for row in rows:
        _enqueue(pipe, JOBS[job], row)


def ring_all() -> int:
    """Ring what every workspace may have rung now: the sweep's half that looks at Postgres."""
    pairs = statement(UNRUNG, horizon=clock.now() + HORIZON)
    return sum(ring_due(pair.job, pair.workspace_id) for pair in pairs if pair.job in JOBS)


def _enqueue(pipe: Pipeline, spec: JobSpec, row: Any) -> None:
    """One job: its Retry as documented, its count of runs left as the row has it."""
    place = queue(spec.queue_name)
    job = place.create_job(
        spec.function, args=[row.row_id], kwargs=row.payload or {}, job_id=job_id(spec.name, row.row_id, row.generation),
        description=spec.name, timeout=spec.queue.time_limit_seconds, result_ttl=KEPT_SECONDS, failure_ttl=KEPT_SECONDS,
        retry=Retry(max=spec.retry.max, interval=spec.retry.intervals),
    )  # fmt: skip
    job.retries_left = spec.retry.max - row.failures
    if row.due_at > clock.now() + EARLY:
        place.schedule_job(job, row.due_at + timedelta(seconds=1), pipeline=pipe)  # RQ cuts it to whole seconds
    else:
        place.enqueue_job(job, pipeline=pipe)
