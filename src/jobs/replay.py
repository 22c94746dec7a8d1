"""What rests as failed, and owing it anew."""

import logging
from collections.abc import Sequence

from redis.exceptions import RedisError
from sqlalchemy import select

from jobs.connection import redis
from jobs.registry import JOBS
from jobs.ring import ring_due
from jobs.spec import JobSpec, parse_job_id
from nightshift.db.models import Work
from nightshift.db.session import transaction
from nightshift.logs import log


def resting(queue: str | None = None) -> Sequence[Work]:
    """What rests as failed, of one queue or of all, longest first."""
    query = select(Work).where(Work.state == "failed").order_by(Work.updated_at, Work.job, Work.row_id)
    if queue is not None:
        query = query.where(Work.job.in_([spec.name for spec in JOBS.values() if spec.queue_name == queue]))
    with transaction() as session:
        return session.scalars(query).all()


def replay(job: str, row_id: str) -> bool:
    """Owe this work anew, with all its attempts, and ring. False where it does not rest as failed."""
    spec = JOBS.get(job)
    if spec is None:
        return False
    failed = select(Work).where(Work.job == job, Work.row_id == row_id, Work.state == "failed").with_for_update()
    with transaction() as session:
        row = session.scalars(failed).one_or_none()
        if row is None or not spec.replay(session, row_id):
            return False
    _forget(spec, row_id)
    ring_due(job, row.workspace_id)
    return True


def replay_queue(queue: str) -> int:
    """Owe anew whatever rests as failed in this queue, also what Redis has forgotten. Returns how many."""
    return sum(replay(row.job, row.row_id) for row in resting(queue))


def _forget(spec: JobSpec, row_id: str) -> None:
    """Take the row's failed jobs off RQ's list: they are no longer what became of it."""
    registry = f"rq:failed:{spec.queue_name}"
    try:
        names = [name.decode("utf-8", "replace") for name in redis().zrange(registry, 0, -1)]
        for name in names:
            if (parse_job_id(name) or ())[:2] == (spec.name, row_id):
                redis().zrem(registry, name)
                redis().delete(f"rq:job:{name}", f"rq:results:{name}")
    except RedisError as error:
        log("failed jobs stay listed", logging.WARNING, job=spec.name, error=type(error).__name__)
