"""Work that time starts: rows of no workspace, owed once for each slot, by the clock or by hand."""

from collections.abc import Callable

from rq import get_current_job
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.attempt import attempt
from jobs.spec import JobSpec, parse_job_id
from nightshift import work
from nightshift.db.models import Work
from nightshift.db.session import transaction
from nightshift.judging import Failure
from nightshift.work import Lease

NO_WORKSPACE = ""


def run(spec: JobSpec, row_id: str, do: Callable[[Lease], None]) -> None:
    """Do it under its row's lease. Called by hand, not as a job that was rung, it is owed first: again, if need be."""
    job = get_current_job()
    if job is None or parse_job_id(job.id) is None:
        with transaction() as session:
            pending = select(Work.row_id).where(Work.job == spec.name, Work.row_id == row_id, Work.state == "pending")
            if session.scalar(pending) is None:
                work.order(session, spec.name, row_id, NO_WORKSPACE)
    attempt(spec, row_id, do)


def failed(session: Session, row_id: str, failure: Failure) -> None:
    """There is no owner to show it to: the operator sees the row itself, by `make ops`."""


def replay_of(job: str) -> Callable[[Session, str], bool]:
    """Owes a failed row of that job anew."""

    def replay(session: Session, row_id: str) -> bool:
        work.order(session, job, row_id, NO_WORKSPACE)
        return True

    return replay
