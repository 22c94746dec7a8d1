"""One worker process on one queue: RQ's SimpleWorker, with what it does to a job's row and without what it leaks."""

import faulthandler
import logging
import signal
import time
from typing import Any

import sentry_sdk
from redis.exceptions import RedisError, ResponseError
from rq import SimpleWorker
from rq.executions import Execution
from rq.job import JobStatus
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException
from rq.utils import now, utcformat
from rq.worker.base import WorkerStatus
from sqlalchemy.exc import SQLAlchemyError

from jobs import account, ring
from jobs.attempt import Stop, held_lease
from jobs.connection import connect
from jobs.pulse import Pulse
from jobs.rq_job import SafeJob
from jobs.spec import parse_job_id
from nightshift.logs import log, where
from nightshift.settings import settings

DEQUEUE_SECONDS = 5
UNREADABLE_SECONDS = 0.2  # a queue that is not a list would be asked again and again
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
    """Recovery is not its business (the row's lease and the sweep do it), nor is its heartbeat (jobs.pulse).

    A job costs Redis one round trip when it begins and one when it has ended, its successor's ring included; RQ's own
    way takes nine, for dependents and heartbeats that nothing here has or needs.
    """

    max_connection_wait_time = 2.0
    dequeue_timeout = DEQUEUE_SECONDS
    should_run_maintenance_tasks = False

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

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> Any:
        """The next job. What stands in the queue and is no job's name is refused, and the one after it looked at."""
        while True:
            try:
                return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
            except (ValueError, ResponseError) as error:
                if isinstance(error, ResponseError) and "WRONGTYPE" not in str(error):
                    raise
                log("job", logging.ERROR, queue=self.queues[0].name, outcome="refused", error=where(error))
                time.sleep(UNREADABLE_SECONDS)

    def execute_job(self, job: Any, queue: Queue) -> None:
        """Run one job, write its line, count it, keep the agreed number of ended ones, ring its successor."""
        self.set_state(WorkerStatus.BUSY)
        job.origin = queue.name
        begun = time.monotonic()
        execution = self._begin(job, queue)
        error = self._perform(job)
        if isinstance(error, Stop):
            self._stop_requested = True
        named = parse_job_id(job.id)
        outcome = job.outcome or ("failed" if error else "done")
        account.line(job, queue.name, outcome, error, ran_ms=int((time.monotonic() - begun) * 1000))
        if outcome == "failed" and error:
            account.report(error, job=named[0] if named else "", job_id=job.id, queue=queue.name)
        self._end(job, queue, error, outcome, execution)
        self.set_state(WorkerStatus.IDLE)

    def _begin(self, job: Any, queue: Queue) -> Execution:
        with self.connection.pipeline() as pipe:
            job.prepare_for_execution(self.name, pipeline=pipe)
            execution = Execution.create(job, _limit_seconds(job) + 60, pipe, worker_name=self.name)
            pipe.lrem(queue.intermediate_queue_key, 1, job.id)
            pipe.execute()
        return execution

    def _perform(self, job: Any) -> BaseException | None:
        faulthandler.dump_traceback_later(_limit_seconds(job) + C_CODE_GRACE_SECONDS, exit=True)
        try:
            with self.death_penalty_class(_limit_seconds(job), JobTimeoutException, job_id=job.id):
                job.perform()
        except BaseException as error:  # the attempt has written it into the row
            return error
        finally:
            faulthandler.cancel_dump_traceback_later()
        return None

    def _end(self, job: Any, queue: Queue, error: BaseException | None, outcome: str, execution: Execution) -> None:
        """Where Redis or Postgres is away: the row knows how the job ended, the sweep tidies up and rings."""
        name = (parse_job_id(job.id) or ("unknown",))[0]
        try:
            rows = ring.take(name, job.workspace_id) if job.workspace_id is not None else []
            with self.connection.pipeline() as pipe:
                pipe.multi()  # or RQ would, when it enqueues
                execution.delete(job, pipe)
                self._settle(job, queue, error, pipe)
                account.count_and_trim(pipe, queue.name, job.id, name, outcome)
                ring.put(pipe, name, rows)
                pipe.execute()
        except (RedisError, SQLAlchemyError) as lost:
            log("ring lost", logging.WARNING, job=name, error=type(lost).__name__)

    def _settle(self, job: Any, queue: Queue, error: BaseException | None, pipe: Any) -> None:
        """Put the job where RQ and its dashboard look for it. Of one that was handed back nothing stays: its row is rung anew."""
        job.ended_at = now()
        (self.increment_failed_job_count if error else self.increment_successful_job_count)(pipe)
        self.increment_total_working_time(job.ended_at - job.started_at, pipe)
        if job.handed_back:
            job.delete(pipeline=pipe, remove_from_queue=False)
        elif error is None:
            pipe.hset(job.key, mapping={"status": JobStatus.FINISHED.value, "ended_at": utcformat(job.ended_at)})
            pipe.expire(job.key, account.KEPT_SECONDS)
            pipe.zadd(f"rq:finished:{queue.name}", {job.id: time.time() + account.KEPT_SECONDS})
        elif job.should_retry:
            job.retry(queue, pipe)
        else:
            job.set_status(JobStatus.FAILED, pipeline=pipe)
            job._handle_failure(where(error), pipeline=pipe, worker_name=self.name, execution_ended_at=job.ended_at)

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Beaten by jobs.pulse every few seconds, also during a job, in place of three commands three times a job."""

    def set_state(self, state: str, pipeline: Any = None) -> None:
        """Kept here; the pulse tells Redis."""
        self._state = state

    def subscribe(self) -> None:
        """No commands by pub/sub: who can write to Redis must not be able to stop workers."""

    def unsubscribe(self) -> None:
        pass

    def procline(self, message: str) -> None:
        pass

    def check_for_suspension(self, burst: bool) -> None:
        pass


def _limit_seconds(job: Any) -> int:
    return int(job.timeout or 180)  # without one: RQ's default
