"""One run of a row: do its work under its lease and settle it, in a worker, a request or a command alike."""

import time
from dataclasses import dataclass
from datetime import datetime

from rq.timeouts import JobTimeoutException
from sqlalchemy.orm import Session

from nightshift import outbox
from nightshift.db.models import Outbox
from nightshift.db.session import DISCONNECTED, retry_while_disconnected, transaction
from nightshift.errors import LeaseLost, Snooze, TemporaryError
from nightshift.outbox import Lease
from nightshift.outbox.lease import holding
from nightshift.retry_policy import Failure, retry_policy
from runner import reporting
from runner.heartbeat import Renewal
from runner.registry import Job, job_id


class Stop(BaseException):
    """The worker is asked to end now: what it works on is released, unharmed."""


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    done; retry (it failed and will run again); failed (for good); released (a stop, not yet its time, or Postgres away
    before it began); lost (another worker took it over and nothing was written); stale (not this job's to do any more);
    refused (no job of ours).
    """

    outcome: str
    error: BaseException | None = None
    lease: Lease | None = None
    job: Job | None = None
    stopped: bool = False

    def count(self, queue: str) -> str:
        """The name of its counter: "<queue> <job> <outcome>"."""
        return f"{queue} {self.job.name if self.job else 'unknown'} {self.outcome}"


def run(job: Job, lease: Lease) -> Ended:
    """Call the job's function under `lease` and settle the row, whatever comes of it. Raises no error of the job."""
    with holding(lease):
        try:
            job.function(lease.row_id)
            if not lease.settled:
                lease.finish_by()
            return Ended("done", None, lease, job)
        except LeaseLost:
            return Ended("lost", None, lease, job)
        except Snooze as snooze:
            return _released(job, lease, snooze.until)
        except Stop:
            return _released(job, lease, stopped=True)
        except BaseException as error:
            return _failed(job, lease, error)


def run_here(job: Job, lease: Lease) -> Ended:
    """As `run`, reported: for a process that is no worker."""
    begun = time.monotonic()
    ended = run(job, lease)
    name = job_id(job.name, lease.row_id, lease.generation)
    reporting.attempt(name, job.queue.name, ended, time.monotonic() - begun)
    return ended


def run_by_hand(job: Job, row_id: str) -> None:
    """Enqueue the row where it is not, and run it to its end in this process. Raises what the job raises, and RuntimeError
    where it cannot run now."""
    with transaction() as session:
        row = session.get(Outbox, (job.name, row_id), with_for_update=True)
        state = row.state if row else "new"
        if state in ("running", "blocked"):
            raise RuntimeError(f"{job.name} {row_id} is {state}.")
        if state not in ("pending", "dispatched") and not job.retry_failed(session, row_id):
            raise RuntimeError(f"{job.name} {row_id} has nothing to do.")
        lease = outbox.claim_here(session, job.name, row_id)
    if lease is None:
        raise RuntimeError(f"{job.name} {row_id} waits for another row.")
    with Renewal():
        ended = run_here(job, lease)
    if ended.error:
        raise ended.error


def fail(session: Session, job: Job, lease: Lease, error: BaseException) -> Failure:
    """Write what a failed run means for the row and for its owner into the caller's transaction. Raises LeaseLost."""
    at = error.at if isinstance(error, TemporaryError) else time.monotonic()
    give_up_in = None if lease.give_up_in is None else lease.give_up_in - (at - lease.begun)
    failure = retry_policy(error, lease.failures, lease.waited_seconds, job.retry.intervals, give_up_in)
    lease.fail(session, failure)
    job.on_failure(session, lease, failure)
    return failure


def _failed(job: Job, lease: Lease, error: BaseException) -> Ended:
    if isinstance(error, JobTimeoutException):
        error = TemporaryError(f"It took longer than {job.time_limit_seconds // 60} minutes.")

    def write() -> Failure:
        with transaction() as session:
            return fail(session, job, lease, error)

    try:
        failure = retry_while_disconnected(write, lease.write_until)
    except (LeaseLost, *DISCONNECTED):  # Postgres is away: the lease expires and the row is rescued
        return Ended("lost", None, lease, job)
    return Ended("failed" if failure.retry_in is None else "retry", error, lease, job)


def _released(job: Job, lease: Lease, due_at: datetime | None = None, stopped: bool = False) -> Ended:
    def write() -> None:
        with transaction() as session:
            lease.release(session, due_at)

    try:
        retry_while_disconnected(write, lease.write_until)
        return Ended("released", None, lease, job, stopped)
    except LeaseLost:  # the stop came after the last commit
        return Ended("done", None, lease, job, stopped)
    except DISCONNECTED:
        return Ended("lost", None, lease, job, stopped)
