"""One run of one row's work: claim it, do it, write down how it ended, and have RQ repeat what the row says."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rq import get_current_job
from rq.timeouts import JobTimeoutException

from jobs import account
from jobs.spec import JobSpec, job_id, parse_job_id
from nightshift import clock, work
from nightshift.db.session import AWAY, patiently, transaction
from nightshift.errors import LeaseLost, NotYet, TemporaryError
from nightshift.judging import Failure, judge
from nightshift.logs import log, where
from nightshift.work import Lease


class Stop(BaseException):
    """The worker is asked to end now: what it works on is given back, unharmed."""


_held_lease: Lease | None = None


def held_lease() -> Lease | None:
    """What this process works on at the moment: the pulse keeps it alive."""
    return _held_lease


def attempt(spec: JobSpec, row_id: str, do: Callable[[Lease], None]) -> None:
    """Run `do` under the row's lease; it ends by `lease.finish` in the transaction that has the effect.

    Outcomes, as the log line names them: done; stale (not this job's to do any more); lost (someone else took it over,
    nothing was written; or it was, and only the word of the commit was lost); given_back (a stop, not yet its time, or
    Postgres away before it began: the sweep rings it again); retry; failed. Errors are recorded, then raised: RQ sees every
    failure.
    """
    job: Any = get_current_job()
    named = parse_job_id(job.id) if job else None
    owner = job.worker_name if job else work.local_owner()
    try:
        lease = patiently(lambda: work.claim(spec.name, row_id, owner, named and named[2]))
    except AWAY:
        if job is None:
            raise
        return _note(job, "given_back", handed_back=True)
    if lease is None:
        return _note(job, "stale")
    if job:
        job.workspace_id, job.attempt = lease.workspace_id, lease.runs
    try:
        with _holding(lease):
            do(lease)
        _note(job, "done")
    except LeaseLost:
        _note(job, "lost")
    except NotYet as early:
        _give_back(lease, job, early.until)
    except Stop:
        _give_back(lease, job)
        raise
    except BaseException as error:
        if _record(spec, lease, error, job):
            raise


def attempt_here(spec: JobSpec, lease: Lease, do: Callable[[Lease], None], write_until: float | None = None) -> None:
    """One run in this process, outside of RQ, under a lease that the caller took. Its failure is in the row, not raised.

    While Postgres is away, that is tried until `write_until` (monotonic seconds; None: for 10 s); then the lease lapses.
    """
    begun, error, outcome = time.monotonic(), None, "done"
    try:
        do(lease)
    except LeaseLost:
        outcome = "lost"
    except NotYet as early:
        outcome = "given_back"
        _give_back(lease, None, early.until, write_until)
    except Exception as raised:
        error = raised
        failure = _judged(spec, lease, error)
        written = _write_down(spec, lease, failure, None, write_until)
        outcome = "lost" if not written else "retry" if failure.retry_at else "failed"
    name, ran_ms = job_id(spec.name, lease.row_id, lease.generation), int((time.monotonic() - begun) * 1000)
    level = logging.ERROR if outcome == "failed" else logging.INFO
    told = dict(id=name, job=spec.name, attempt=lease.runs, ran_ms=ran_ms, outcome=outcome)
    log("job", level, **told, error=where(error) if error else None)
    if outcome == "failed" and error:
        account.report(error, job=spec.name, job_id=name, queue=spec.queue_name)


@contextmanager
def _holding(lease: Lease) -> Iterator[None]:
    global _held_lease
    _held_lease = lease
    try:
        yield
    finally:
        _held_lease = None


def _note(job: Any, outcome: str, *, handed_back: bool = False) -> None:
    if job:
        job.outcome, job.handed_back = outcome, handed_back


def _give_back(lease: Lease, job: Any, due_at: datetime | None = None, until: float | None = None) -> None:
    def write() -> None:
        with transaction() as session:
            lease.give_back(session, due_at)

    try:
        patiently(write, until)
        _note(job, "given_back", handed_back=True)
    except LeaseLost:  # the stop came after the last commit
        _note(job, "done", handed_back=True)


def _record(spec: JobSpec, lease: Lease, error: BaseException, job: Any) -> bool:
    """Write the failure down and have RQ repeat it. False where the row is someone else's by now."""
    failure = _judged(spec, lease, error)
    written = _write_down(spec, lease, failure, job)
    if not written:
        _note(job, "lost")
    elif job:
        _repeat(spec, job, failure)
    return written


def _judged(spec: JobSpec, lease: Lease, error: BaseException) -> Failure:
    if isinstance(error, JobTimeoutException):
        error = TemporaryError(f"It took longer than {spec.queue.time_limit_seconds // 60} minutes.")
    at = error.at if isinstance(error, TemporaryError) else clock.now()
    return judge(error, lease.failures, lease.waited_seconds, spec.retry.intervals, at, lease.give_up_at)


def _write_down(spec: JobSpec, lease: Lease, failure: Failure, job: Any, until: float | None = None) -> bool:
    """In the row, and in its owner's view. False where the row is someone else's by now."""
    again = failure.retry_at is not None

    def write() -> bool:
        with transaction() as session:
            waiting = work.waiting_in_redis(session, lease.job, lease.workspace_id)
            repeats = job is not None and again and waiting < spec.queue.workers
            lease.fail(session, failure, keep_job=repeats)
            spec.failed(session, lease.row_id, failure)
        return repeats

    try:
        repeats = patiently(write, until)
    except LeaseLost:
        return False
    _note(job, "retry" if again else "failed", handed_back=again and not repeats)
    return True


def _repeat(spec: JobSpec, job: Any, failure: Failure) -> None:
    """Have RQ's Retry say what the row says: how many runs are left, and when the next one is."""
    if failure.retry_at is None:
        job.retries_left = 0
        return
    job.retries_left = spec.retry.max - failure.failures + 1  # RQ takes one off
    job.retry_intervals = list(spec.retry.intervals)
    wait = math.ceil((failure.retry_at - clock.now()).total_seconds())
    job.retry_intervals[max(len(job.retry_intervals) - job.retries_left, 0)] = max(wait, 1)
