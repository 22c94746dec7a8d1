"""After a death: the rows of a dead worker are owed again, and Redis forgets what it knew of their jobs."""

import logging
from typing import Any

import sentry_sdk
from rq.worker_registration import WORKERS_BY_QUEUE_KEY
from sqlalchemy.orm import Session

from jobs import account
from jobs.connection import redis
from jobs.queues import QUEUES
from jobs.registry import JOBS
from jobs.ring import ring_due
from jobs.spec import job_id
from nightshift import clock, work
from nightshift.db.session import transaction
from nightshift.errors import TemporaryError
from nightshift.judging import judge
from nightshift.logs import log
from nightshift.settings import settings


def reap(worker: str, died: bool) -> None:
    """Give back what a dead worker of this machine held; `died=False`: we killed it ourselves, at a stop."""
    account.start_sentry(settings())
    release(worker, died)
    forget_worker(redis(), worker)
    sentry_sdk.flush(2)


def release(owner: str | None = None, died: bool = True) -> int:
    """Owe again what dead workers held: those of `owner`, or all whose lease is up. Returns how many rows.

    Two deaths under a row cost it nothing; each further one counts as a failed attempt, so that a document that kills
    its reader comes to rest.
    """
    with transaction() as session:
        leases = [lease for lease in work.lapsed(session, owner) if lease.job in JOBS]  # a newer release's are not ours
        for lease in leases:
            if not died or work.count_death(session, lease) <= work.FREE_DEATHS:
                lease.give_back(session)
            else:
                _count(session, lease)
    for lease in leases:
        _tell(lease, died)
        _forget_job(redis(), lease)
        ring_due(lease.job, lease.workspace_id)
    return len(leases)


def _count(session: Session, lease: work.Lease) -> None:
    spec = JOBS[lease.job]
    crash = TemporaryError(work.CRASHED)
    now = clock.now()
    failure = judge(crash, lease.failures, lease.waited_seconds, spec.retry.intervals, now, lease.give_up_at)
    lease.fail(session, failure)
    spec.failed(session, lease.row_id, failure)


def _tell(lease: work.Lease, died: bool) -> None:
    named = dict(
        job=lease.job, job_id=job_id(lease.job, lease.row_id, lease.generation), queue=JOBS[lease.job].queue_name
    )
    log("job", logging.ERROR, outcome="died" if died else "given_back", attempt=lease.runs, worker=lease.owner, **named)
    if died:
        account.report(TemporaryError("The worker of this job died."), **named)


def _forget_job(connection: Any, lease: work.Lease) -> None:
    queue, name = JOBS[lease.job].queue_name, job_id(lease.job, lease.row_id, lease.generation)
    running = [entry for entry in connection.zrange(f"rq:wip:{queue}", 0, -1) if entry.startswith(f"{name}:".encode())]
    with connection.pipeline() as pipeline:
        for entry in running:
            pipeline.zrem(f"rq:wip:{queue}", entry)
            pipeline.delete(f"rq:execution:{entry.decode()}")
        pipeline.lrem(f"rq:queue:{queue}:intermediate", 0, name)
        pipeline.delete(f"rq:job:{name}", f"rq:executions:{name}")
        pipeline.execute()


def forget_worker(connection: Any, worker: str) -> None:
    """Take a dead worker off RQ's lists."""
    key = f"rq:worker:{worker}"
    with connection.pipeline() as pipeline:
        pipeline.srem("rq:workers", key)
        for queue in QUEUES:
            pipeline.srem(WORKERS_BY_QUEUE_KEY % queue, key)
        pipeline.delete(key, f"{key}:executions")
        pipeline.execute()
