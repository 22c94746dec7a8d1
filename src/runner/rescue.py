"""After a death: the rows of a dead worker are pending again, and Redis forgets what it knew of their jobs."""

import logging
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from nightshift import metrics
from nightshift.db.session import transaction
from nightshift.errors import TemporaryError
from nightshift.logs import log
from nightshift.outbox import Lease
from nightshift.outbox.lease import expired
from nightshift.server_errors import log_server_error
from runner import reporting
from runner.connection import redis
from runner.dispatch import lost
from runner.registry import JOBS, QUEUES, job_id, parse_job_id
from runner.run import failure_of, settled

FREE_DEATHS = 2  # a worker may die twice under a row (deploys, machines) before its death counts as the row's failure
CRASHED = "The worker stopped unexpectedly while working on it, more than once."


def rescue(owner: str | None = None, died: bool = True, trusted: Callable[[], bool] = lambda: True) -> int:
    """Have what a dead worker held run again: the leases of `owner`, or all that have expired. Returns how many rows.

    Two deaths under a row cost it nothing; each further one counts as a failed attempt, so that a document that kills its
    reader is FAILED in the end. `died=False`: the worker was stopped, which counts for nothing. `trusted`: asked once they are
    found, whether they are what they seem.
    """
    rescued, found = 0, expired(owner)
    for lease in found if trusted() else ():
        if lease.job in JOBS and _rescue(lease, owner, died):  # a newer release's are not ours
            rescued += 1
            name, queue = job_id(lease.job, lease.row_id, lease.generation), JOBS[lease.job].queue.name
            _report(lease, name, queue, died)
            _forget_job(lease, name, queue)
    return rescued


def _rescue(lease: Lease, owner: str | None, died: bool) -> bool:
    """One row, in a transaction of its own. False where it is no longer this lease's."""
    job = JOBS[lease.job]

    def settle(shown: bool) -> bool:
        with transaction() as session:
            if not lease.lock_expired(session, owner):
                return False
            if not died or lease.count_death(session) <= FREE_DEATHS:
                lease.release(session)
                return True
            failure = failure_of(job, lease, TemporaryError(CRASHED))
            lease.fail(session, failure)
            if shown:
                job.on_failure(session, lease, failure)
            return True

    return settled(settle, job)


def _report(lease: Lease, name: str, queue: str, died: bool) -> None:
    outcome = "died" if died else "released"
    metrics.count(metrics.RUNS, queue, lease.job, outcome)
    metrics.count(metrics.RESCUED, lease.job)
    with reporting.about(lease):
        log(
            "job", logging.ERROR, id=name, job=lease.job, queue=queue, attempt=lease.runs, outcome=outcome,
            worker=lease.owner,
        )  # fmt: skip
    if died:
        reporting.report(TemporaryError("The worker of this job died."), job=lease.job, job_id=name, queue=queue)


def _forget_job(lease: Lease, name: str, queue: str) -> None:
    try:
        with redis().pipeline() as pipe:
            pipe.zrem(f"rq:wip:{queue}", f"{name}:{lease.owner}")
            pipe.delete(f"rq:job:{name}", f"rq:execution:{name}:{lease.owner}")
            pipe.execute()
    except RedisError as error:  # reconciliation tidies up
        log_server_error("redis away", error)


def rescue_popped(worker: str) -> None:
    """The job that a dead worker had taken from its queue and not yet claimed is dispatched again. Raises RedisError."""
    key = f"rq:worker:{worker}"
    popped = redis().hget(key, "current_job") if redis().type(key) == b"hash" else None
    named = parse_job_id(popped.decode("utf-8", "replace")) if popped else None
    if named:
        lost(named)


def forget_worker(worker: str) -> None:
    """Take a dead worker off RQ's lists. Raises RedisError."""
    key = f"rq:worker:{worker}"
    connection: Any = redis()
    with connection.pipeline() as pipe:
        pipe.srem("rq:workers", key)
        for queue in QUEUES:
            pipe.srem(WORKERS_BY_QUEUE_KEY % queue, key)
        pipe.delete(key, f"{key}:executions")
        pipe.execute()
