"""FAILED rows that are enqueued again: one, or those of a bulk retry when their time comes."""

from collections.abc import Sequence

from redis.exceptions import RedisError
from sqlalchemy import select

from nightshift.db.models import Outbox
from nightshift.db.session import statement, transaction
from nightshift.outbox import retries
from nightshift.server_errors import log_server_error
from runner import reporting
from runner.connection import redis
from runner.forget import ended_jobs
from runner.registry import JOBS, Job


def retry(name: str, row_id: str, generation: int | None = None) -> bool:
    """Enqueue this row again, with all its attempts. False where it is not FAILED, or not by this generation."""
    job = JOBS.get(name)
    if job is None:
        return False
    failed = (Outbox.job == name, Outbox.row_id == row_id, Outbox.state == "failed")
    with transaction() as session:
        row = session.scalars(select(Outbox).where(*failed).with_for_update()).one_or_none()
        if row is None or generation not in (None, row.generation) or not job.enqueue_again(session, row_id):
            return False
    _forget(job, row_id, row.generation)
    return True


def retry_due(jobs: Sequence[str]) -> int:
    """Enqueue the rows of these jobs whose scheduled retry has come, in order: how many it looked at. One process at a time.

    One that cannot be enqueued stays FAILED, and stops no other one.
    """
    if not statement(retries.ARE_DUE, durable=False, jobs=list(jobs))[0].are_due:
        return 0
    with transaction() as session:
        if not session.scalar(retries.TURN, {"lock": retries.LOCK}):
            return 0
        due = session.execute(retries.DUE, {"jobs": list(jobs), "limit": retries.AT_ONCE}).all()
        for row in due:
            with reporting.contained("retry failed", job=row.job, row=row.row_id):
                retry(*row)
        session.execute(retries.DROP, [row._asdict() for row in due])
    return len(due)


def _forget(job: Job, row_id: str, generation: int) -> None:
    """Take the row's failed jobs up to this generation off RQ's list: they no longer say how it ended. (The next one may
    have failed already.)"""
    registry = f"rq:failed:{job.queue.name}"
    try:
        for name, named in ended_jobs(registry):
            if named[:2] == (job.name, row_id) and named[2] <= generation:
                redis().zrem(registry, name)
                redis().delete(f"rq:job:{name}", f"rq:results:{name}")
    except RedisError as error:
        log_server_error("failed jobs stay listed", error, job=job.name)
