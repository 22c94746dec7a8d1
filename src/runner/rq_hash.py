"""A dispatched row as RQ's job hash, for `rq info` and the dashboard. Workers run what the outbox says, not what it says."""

import json
import zlib
from functools import cache
from typing import Any

from redis import Redis
from rq import Queue as RQQueue
from rq import Retry
from rq.job import JobStatus
from rq.serializers import JSONSerializer
from rq.utils import utcformat

from nightshift import clock
from runner.connection import redis
from runner.registry import JOBS, Job, job_id

KEPT_SECONDS = 10 * 365 * 24 * 3600  # jobs are kept by count; -1 would break the registries' order


@cache
def queue(name: str, connection: Redis | None = None) -> RQQueue:
    """RQ's queue of that name, JSON all the way, on this process's connection or on another one."""
    return RQQueue(name, connection=connection or redis(), serializer=JSONSerializer)


def hash_of(job: Job, row: Any) -> tuple[str, dict[str, Any]]:
    """The id and the fields of a row's job: its Retry as documented, its retries left as the row counts them."""
    stamp = utcformat(clock.now())
    data = json.dumps([job.path, None, [row.row_id], row.payload or {}]).encode()
    fields = _template(job.name) | {
        "data": zlib.compress(data, 1), "created_at": stamp, "enqueued_at": stamp,
        "retries_left": max(0, job.retry.max - row.failures),
    }  # fmt: skip
    return job_id(job.name, row.row_id, row.generation), fields


@cache
def _template(name: str) -> dict[str, Any]:
    """What all jobs of that name share, as RQ itself writes it."""
    job = JOBS[name]
    made = queue(job.queue.name).create_job(
        job.path, args=["row"], description=name, timeout=job.time_limit_seconds, result_ttl=KEPT_SECONDS,
        failure_ttl=KEPT_SECONDS, retry=Retry(max=job.retry.max, interval=job.retry.intervals), status=JobStatus.QUEUED,
    )  # fmt: skip
    made.origin = job.queue.name
    return {field: value for field, value in made.to_dict().items() if value not in ("", None)}
