"""One run of a row: do its work under its lease and settle it, in a worker, a request or a command alike."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from rq.timeouts import JobTimeoutException

from nightshift import outbox, tracing
from nightshift.db.models import Outbox
from nightshift.db.session import DISCONNECTED, transaction
from nightshift.errors import LeaseLost, Snooze, TemporaryError
from nightshift.logs import log
from nightshift.outbox import Lease
from nightshift.outbox.lease import holding
from nightshift.retry_policy import Failure, retry_policy
from runner import counts, reporting
from runner.heartbeat import Renewal
from runner.registry import Job, job_id

T = TypeVar("T")


class Stop(BaseException):
    """The worker is asked to end now: what it works on is released, unharmed."""


class Interrupts:
    """What a signal may do to the job that runs: it is raised in the job's own function, never while the row is claimed or
    settled. A stop that comes earlier is kept for it."""

    def __init__(self) -> None:
        self.working = False
        self.stopping = False

    def stop(self) -> None:
        """Raises Stop in the job's function."""
        self.stopping = True
        if self.working:
            self.working = False
            raise Stop

    def time_out(self) -> None:
        """Raises JobTimeoutException in the job's function, once."""
        if self.working:
            self.working = False
            raise JobTimeoutException

    def call(self, function: Callable[[str], None], row_id: str) -> None:
        """Call the job's function. Raises what it raises, and what a signal raises in it."""
        try:
            self.working = True
            if self.stopping:
                raise Stop
            function(row_id)
        finally:
            self.working = False


interrupts = Interrupts()


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    done; retry (it failed and will run again); failed (for good); released (a stop, not yet its time, or Postgres away
    before it began); lost (the lease is gone, or Postgres away until it was: nothing was written); stale (not this job's to
    do any more); refused (no job of ours).
    """

    outcome: str
    error: BaseException | None = None
    lease: Lease | None = None
    job: Job | None = None


def run(job: Job, lease: Lease) -> Ended:
    """Call the job's function under `lease` and settle the row, whatever comes of it. Raises no error of the job."""
    known = dict(workspace=lease.workspace_id, row=lease.row_id)
    with holding(lease), tracing.span(job.name, "CONSUMER", lease.traceparent, **known) as span:
        ended = _run(job, lease)
        span.set(ended.error, outcome=ended.outcome)
        return ended


def _run(job: Job, lease: Lease) -> Ended:
    try:
        interrupts.call(job.function, lease.row_id)
        if not lease.settled:
            lease.finish_by()
        return Ended("done", None, lease, job)
    except LeaseLost:
        return Ended("lost", None, lease, job)
    except Snooze as snooze:
        return _released(job, lease, snooze.until)
    except Stop:
        return _released(job, lease)
    except (KeyboardInterrupt, SystemExit):  # a command that is broken off
        _released(job, lease)
        raise
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
        if state not in ("pending", "dispatched") and not job.enqueue_again(session, row_id):
            raise RuntimeError(f"{job.name} {row_id} has nothing to do.")
        lease = outbox.claim_here(session, job.name, row_id)
    if lease is None:
        raise RuntimeError(f"{job.name} {row_id} is paused, or waits for another row.")
    with Renewal():
        ended = run_here(job, lease)
    counts.flush()
    if ended.error:
        raise ended.error
    if ended.outcome != "done":
        raise RuntimeError(f"{job.name} {row_id} was not finished: {ended.outcome}.")


def failure_of(job: Job, lease: Lease, error: BaseException) -> Failure:
    """What `error` means for this row."""
    at = error.at if isinstance(error, TemporaryError) else time.monotonic()
    give_up_in = None if lease.give_up_in is None else lease.give_up_in - (at - lease.begun)
    return retry_policy(error, lease.failures, lease.waited_seconds, job.retry.intervals, give_up_in)


def settled(act: Callable[[bool], T], job: Job) -> T:
    """`act(True)` in a transaction. Where the job's `on_failure` raises, that is reported, and `act(False)` settles the row
    without it: a row whose owner cannot be shown its failure must not stay with a worker. Raises LeaseLost, DISCONNECTED."""
    try:
        return act(True)
    except (LeaseLost, *DISCONNECTED):
        raise
    except Exception as error:
        log("on_failure failed", logging.ERROR, job=job.name, raised=error)
        reporting.report(error, job=job.name)
        return act(False)


def _failed(job: Job, lease: Lease, error: BaseException) -> Ended:
    if isinstance(error, JobTimeoutException):
        error = TemporaryError(f"It took longer than {job.time_limit_seconds // 60} minutes.")
    failure = failure_of(job, lease, error)

    def write(shown: bool) -> None:
        with transaction() as session:
            lease.fail(session, failure)
            if shown:
                job.on_failure(session, lease, failure)

    try:
        lease.write(lambda: settled(write, job))
    except (LeaseLost, *DISCONNECTED):  # Postgres is away: the lease expires and the row is rescued
        return Ended("lost", None, lease, job)
    return Ended("failed" if failure.retry_in is None else "retry", error, lease, job)


def _released(job: Job, lease: Lease, due_at: datetime | None = None) -> Ended:
    def write() -> None:
        with transaction() as session:
            lease.release(session, due_at)

    try:
        lease.write(write)
        return Ended("released", None, lease, job)
    except LeaseLost:  # the stop came after the last commit
        return Ended("done", None, lease, job)
    except DISCONNECTED:
        return Ended("lost", None, lease, job)
