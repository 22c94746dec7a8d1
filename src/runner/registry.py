"""What there is to run: queues, jobs and cron entries register themselves here. A function that is not here never runs."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import update_wrapper
from typing import Any

from crontab import CronTab
from rq import Retry
from sqlalchemy import select
from sqlalchemy.orm import Session

from nightshift import outbox
from nightshift.db.models import Outbox
from nightshift.outbox import Lease
from nightshift.retry_policy import Failure

QUEUES: dict[str, "Queue"] = {}
JOBS: dict[str, "Job"] = {}
SCHEDULE: dict[str, "Entry"] = {}
NO_WORKSPACE = ""
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

    `on_failure` shows a failed attempt to the row's owner, in the transaction that settles the row; `retry_failed` enqueues
    a FAILED row again and says whether it did; `check` raises ValueError for a row id that cannot be right. `payload`: SQL
    that selects a row's `id` and what RQ shows as keyword arguments next to it.
    """

    name: str
    queue: Queue
    retry: Retry
    function: Callable[..., None]
    time_limit_seconds: int
    on_failure: Callable[[Session, Lease, Failure], None]
    retry_failed: Callable[[Session, str], bool]
    check: Callable[[str], None]
    payload: str

    @property
    def path(self) -> str:
        """As RQ names the function."""
        return f"{self.function.__module__}.{self.function.__name__}"

    def enqueue(
        self,
        session: Session,
        row_id: str,
        workspace_id: str = NO_WORKSPACE,
        *,
        lane: str | None = None,
        due_in: float = 0,
    ) -> None:
        """Enqueue this row in the caller's transaction: it is dispatched when that commits. Raises ValueError."""
        self.check(row_id)
        outbox.enqueue(session, self.name, row_id, workspace_id, lane=lane, due_in=due_in)

    def __call__(self, row_id: str, **shown: Any) -> None:
        """By hand: the row is enqueued where it is not, and run here to its end. Raises ValueError and what the job raises."""
        from runner.run import run_by_hand

        inspect.signature(self.function).bind(row_id, **shown)
        self.check(row_id)
        run_by_hand(self, row_id)


def job(
    queue: str,
    retry: Retry,
    *,
    on_failure: Callable[[Session, Lease, Failure], None] = no_view,
    retry_failed: Callable[[Session, str], bool] | None = None,
    check: Callable[[str], None] = lambda row_id: None,
    time_limit_seconds: int | None = None,
    payload: str = "SELECT NULL::text AS id",
) -> Callable[[Callable[..., None]], Job]:
    """Register a function that takes a row's id as a job of this queue. The engine settles the row when it returns.

    The job's name is `<module>.<function>`. Raises ValueError where `retry` does not name one interval for each retry.
    """
    if len(retry.intervals) != retry.max:
        raise ValueError(f"retry: {retry.max} retries need {retry.max} intervals, not {len(retry.intervals)}")

    def register(function: Callable[..., None]) -> Job:
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        spec, limit = QUEUES[queue], time_limit_seconds or QUEUES[queue].time_limit_seconds
        again = retry_failed or (lambda session, row_id: _enqueue_again(session, name, row_id))
        JOBS[name] = Job(name, spec, retry, function, limit, on_failure, again, check, payload)
        update_wrapper(JOBS[name], function, updated=())
        return JOBS[name]

    return register


def _enqueue_again(session: Session, name: str, row_id: str) -> bool:
    same = select(Outbox.workspace_id).where(Outbox.job == name, Outbox.row_id == row_id)
    outbox.enqueue(session, name, row_id, session.scalar(same) or NO_WORKSPACE)
    return True


@dataclass(frozen=True)
class Entry:
    """One line of the schedule, in UTC whatever the machine's zone.

    `argument(slot)`: the row id that a slot enqueues. `catch_up`: of more missed slots than this, the newest.
    """

    name: str
    cron: str
    job: Job
    argument: Callable[[datetime], str]
    catch_up: int = 40
    _tab: CronTab = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tab", CronTab(self.cron))
        SCHEDULE[self.name] = self

    def next(self, moment: datetime) -> datetime:
        """The first slot after `moment`."""
        found = self._tab.next(now=moment.astimezone(UTC), return_datetime=True)
        assert isinstance(found, datetime)
        return found

    def slots(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The slots after `after`, up to and including `until`."""
        slot = self.next(after)
        while slot <= until:
            yield slot
            slot = self.next(slot)


def job_id(job: str, row_id: str, generation: int) -> str:
    """As a run is named in Redis: `<module>-<function>-<row id>-<generation>`."""
    return f"{job.replace('.', '-')}-{row_id}-{generation}"


def parse_job_id(text: str) -> tuple[str, str, int] | None:
    """(job, row id, generation); None for an id that is not ours."""
    found = JOB_ID.fullmatch(text)
    return (f"{found[1]}.{found[2]}", found[3], int(found[4])) if found else None
