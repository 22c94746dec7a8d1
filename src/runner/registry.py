"""What there is to run: queues, jobs and cron entries register themselves here. A function that is not here never runs."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import update_wrapper
from typing import Any

from crontab import CronTab
from rq import Retry
from sqlalchemy.orm import Session

from nightshift import outbox
from nightshift.db.models import Outbox
from nightshift.outbox import Lease
from nightshift.retry_policy import Failure

QUEUES: dict[str, "Queue"] = {}
JOBS: dict[str, "Job"] = {}
SCHEDULE: dict[str, "Entry"] = {}
NO_WORKSPACE = ""
NO_PAYLOAD = "SELECT NULL::text AS id"
JOB_ID = re.compile(rf"(\w+)-(\w+)-({outbox.ROW_ID.pattern})-(\d{{1,9}})", re.ASCII)


@dataclass(frozen=True)
class Queue:
    """One queue: its workers on a machine, how many ended jobs are kept to be looked at, its jobs' time limit."""

    name: str
    workers: int
    keep_finished: int
    keep_failed: int
    time_limit_seconds: int

    def __post_init__(self) -> None:
        QUEUES[self.name] = self


def no_view(session: Session, lease: Lease, failure: Failure) -> None:
    """A row without an owner: the operator sees it among the FAILED ones."""


@dataclass(eq=False)
class Job:
    """A registered job. Calling it by hand does the work in the caller's process.

    Without a `time_limit_seconds` it has its queue's. `on_failure` shows a failed attempt to the row's owner, in the
    transaction that settles the row. `retry_failed` enqueues a FAILED row again, where that takes more than enqueueing the
    row, and says whether it did. `check` raises ValueError for a row id that cannot be right. `payload`: SQL that selects a
    row's `id` and what RQ shows as keyword arguments. `doubtful`: an SQL condition on a FAILED outbox row `o`: an earlier
    run may have had the effect that a retry would repeat.
    """

    name: str
    queue: Queue
    retry: Retry
    function: Callable[..., None]
    time_limit_seconds: int = 0
    on_failure: Callable[[Session, Lease, Failure], None] = no_view
    retry_failed: Callable[[Session, str], bool] | None = None
    check: Callable[[str], None] = lambda row_id: None
    payload: str = NO_PAYLOAD
    doubtful: str = "false"

    def __post_init__(self) -> None:
        self.time_limit_seconds = self.time_limit_seconds or self.queue.time_limit_seconds

    @property
    def path(self) -> str:
        """As RQ names the function."""
        return f"{self.function.__module__}.{self.function.__name__}"

    def enqueue(self, session: Session, row_id: str, workspace_id: str = NO_WORKSPACE, **options: Any) -> None:
        """Enqueue this row in the caller's transaction: it is dispatched when that commits. Raises ValueError.

        Options: `lane`, `due_in`, as of outbox.enqueue.
        """
        self.check(row_id)
        outbox.enqueue(session, self.name, row_id, workspace_id, **options)

    def enqueue_again(self, session: Session, row_id: str) -> bool:
        """Enqueue a row that is not under way, with all its attempts. False where there is nothing to do it for."""
        if self.retry_failed:
            return self.retry_failed(session, row_id)
        row = session.get(Outbox, (self.name, row_id))
        workspace_id, lane = (row.workspace_id, row.lane) if row else (NO_WORKSPACE, None)
        outbox.enqueue(session, self.name, row_id, workspace_id, lane=lane)
        return True

    def __call__(self, row_id: str, **shown: Any) -> None:
        """By hand: the row is enqueued where it is not, and run here to its end. Raises ValueError and what the job raises."""
        from runner.run import run_by_hand

        inspect.signature(self.function).bind(row_id, **shown)
        self.check(row_id)
        run_by_hand(self, row_id)


def job(queue: str, retry: Retry, **options: Any) -> Callable[[Callable[..., None]], Job]:
    """Register a function that takes a row's id as a job of this queue. The engine settles the row when it returns.

    The job's name is `<module>.<function>`. Options: see Job. Raises ValueError unless `retry` has one interval a retry.
    """
    if len(retry.intervals) != retry.max:
        raise ValueError(f"retry: {retry.max} retries need {retry.max} intervals, not {len(retry.intervals)}")

    def register(function: Callable[..., None]) -> Job:
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        JOBS[name] = Job(name, QUEUES[queue], retry, function, **options)
        update_wrapper(JOBS[name], function, updated=())
        return JOBS[name]

    return register


@dataclass(frozen=True)
class Entry:
    """One line of the schedule, in UTC whatever the machine's zone.

    `argument(slot)`: the row id that a slot enqueues. `catch_up`: of more missed slots than this, the newest. `when`: whether
    this installation has the entry.
    """

    name: str
    cron: str
    job: Job
    argument: Callable[[datetime], str]
    catch_up: int = 40
    when: Callable[[], bool] = lambda: True
    _tab: CronTab = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tab", CronTab(self.cron))
        SCHEDULE[self.name] = self

    def next(self, moment: datetime) -> datetime:
        """The first slot after `moment`."""
        found = self._tab.next(now=moment.astimezone(UTC), return_datetime=True)
        assert isinstance(found, datetime)
        return found

    def slots(self, after: datetime, until: datetime) -> list[datetime]:
        """The slots after `after`, up to and including `until`: of more than `catch_up`, the newest."""
        found, slot = list[datetime](), self.last(until)
        while slot is not None and slot > after and len(found) < self.catch_up:
            found.insert(0, slot)
            slot = self._previous(slot)
        return found

    def last(self, moment: datetime) -> datetime | None:
        """The last slot up to and including `moment`."""
        slot = self._previous(moment.astimezone(UTC) + timedelta(seconds=1))
        return self._previous(slot) if slot is not None and slot > moment else slot

    def _previous(self, moment: datetime) -> datetime | None:
        slot = self._tab.previous(now=moment, return_datetime=True)
        return slot if isinstance(slot, datetime) else None


def jobs_of(queue: str | None) -> list[str]:
    """The names of a queue's jobs; of all of them where that is None."""
    return [job.name for job in JOBS.values() if queue in (None, job.queue.name)]


def job_id(job: str, row_id: str, generation: int) -> str:
    """As a run is named in Redis: `<module>-<function>-<row id>-<generation>`."""
    return f"{job.replace('.', '-')}-{row_id}-{generation}"


def parse_job_id(text: str) -> tuple[str, str, int] | None:
    """(job, row id, generation); None for an id that is not ours."""
    found = JOB_ID.fullmatch(text)
    return (f"{found[1]}.{found[2]}", found[3], int(found[4])) if found else None
