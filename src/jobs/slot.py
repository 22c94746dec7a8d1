"""One worker process on one queue: RQ's SimpleWorker, with what it does to a job's row and without what it leaks."""

from __future__ import annotations

import faulthandler
import logging
import signal
import time
from typing import Any

import sentry_sdk
from rq import SimpleWorker
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.worker.base import WorkerStatus

from jobs import account
from jobs.attempt import Stop, held_lease
from jobs.connection import connect
from jobs.pulse import Pulse
from jobs.ring import ring_due
from jobs.rq_job import SafeJob
from jobs.spec import parse_job_id
from nightshift.settings import settings

DEQUEUE_SECONDS = 5
C_CODE_GRACE_SECONDS = 30  # past its time limit, a job that does not even hear the alarm takes its process down


def work_on(queue: str, name: str, supervisor: int) -> None:
    """Work on one queue until told to stop, or until the process `supervisor` is gone.

    For a forked child that has opened no connection yet.
    """
    logging.getLogger("rq").setLevel(
        logging.CRITICAL
    )  # it logs arguments and exception texts; jobs.account has the line
    account.start_sentry(settings())
    place = Queue(queue, connection=connect(DEQUEUE_SECONDS + 10), job_class=SafeJob, serializer=JSONSerializer)
    worker = SlotWorker([place], name=name, connection=place.connection, job_class=SafeJob, serializer=JSONSerializer)
    Pulse(worker, supervisor).start()
    worker.work(logging_level="CRITICAL")
    sentry_sdk.flush(2)


class SlotWorker(SimpleWorker):
    """Recovery is not its business (the row's lease and the sweep do it), nor is its heartbeat (jobs.pulse)."""

    log_result_lifespan = False
    max_connection_wait_time = 2.0
    dequeue_timeout = DEQUEUE_SECONDS
    should_run_maintenance_tasks = False
    _error: BaseException | None = None

    def request_stop(self, signum: Any, frame: Any) -> None:
        """First signal: end after this job. A second one, any time later: give the job back now."""
        signal.signal(signal.SIGTERM, self._give_back)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._stop_requested = True
        if self.get_state() != WorkerStatus.BUSY:
            super()._shutdown()

    def _give_back(self, signum: Any, frame: Any) -> None:
        if held_lease():  # else it is between two jobs and about to end
            raise Stop

    def _install_signal_handlers(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
        signal.signal(signal.SIGTERM, self.request_stop)

    def perform_job(self, job: Job, queue: Queue, execution: Any) -> bool:
        """Run one job, write its line, count it, keep the agreed number of ended ones, ring its successor."""
        started = time.monotonic()
        limit = int(job.timeout or 180)
        faulthandler.dump_traceback_later(limit + C_CODE_GRACE_SECONDS, exit=True)
        self._error = None
        try:
            return super().perform_job(job, queue, execution)
        finally:
            faulthandler.cancel_dump_traceback_later()
            self._account(job, queue.name, int((time.monotonic() - started) * 1000))

    def _account(self, job: Any, queue: str, ran_ms: int) -> None:
        outcome = job.outcome or ("failed" if self._error else "done")
        waited = (job.started_at - job.enqueued_at).total_seconds() if job.started_at and job.enqueued_at else 0
        named = parse_job_id(job.id)
        account.line(job, queue, outcome, job.attempt, max(0, int(waited * 1000)), ran_ms, self._error)
        if outcome == "failed" and self._error:
            account.report(self._error, job=named[0] if named else "", job_id=job.id, queue=queue)
        account.count_and_trim(self.connection, queue, job.id, named[0] if named else "unknown", outcome)
        if named and job.workspace_id is not None:
            ring_due(named[0], job.workspace_id)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """RQ would log arguments and the exception's text."""
        self._error = exc_info[1]

    def handle_job_failure(self, job: Any, queue: Queue, *args: Any, **kwargs: Any) -> None:
        """As RQ does; but of a job that was handed back nothing stays: its row is rung anew."""
        if isinstance(self._error, Stop):
            self._stop_requested = True
        if not job.handed_back:
            kwargs["exc_string"] = account.where(self._error) if self._error else ""
            super().handle_job_failure(job, queue, *args, **kwargs)
            return
        with self.connection.pipeline() as pipeline:
            self.cleanup_execution(job, pipeline=pipeline, execution=kwargs.get("execution"))
            job.delete(pipeline=pipeline, remove_from_queue=False)
            pipeline.execute()

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Beaten by jobs.pulse every few seconds, also during a job, in place of three commands three times a job."""

    def set_state(self, state: str, pipeline: Any = None) -> None:
        if state != self._state:
            super().set_state(state, pipeline)

    def subscribe(self) -> None:
        """No commands by pub/sub: who can write to Redis must not be able to stop workers."""

    def unsubscribe(self) -> None:
        pass

    def procline(self, message: str) -> None:
        pass

    def check_for_suspension(self, burst: bool) -> None:
        pass
