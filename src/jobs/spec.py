"""What a job is, and how its runs are named in Redis."""

from collections.abc import Callable
from dataclasses import dataclass

from rq import Retry
from sqlalchemy.orm import Session

from jobs.queues import QUEUES, QueueSpec
from nightshift.judging import Failure


@dataclass(frozen=True)
class JobSpec:
    """A job: the queue and Retry its module names, the function RQ calls, who shows a failure to its owner, and who
    owes a failed row anew (False: there is nothing left to do it for).

    `payload`: SQL that selects a row's id and what RQ shows as keyword arguments next to it. The row wins where they differ.
    """

    name: str
    queue_name: str
    retry: Retry
    function: Callable[..., None]
    failed: Callable[[Session, str, Failure], None]
    replay: Callable[[Session, str], bool]
    payload: str = "SELECT NULL::text AS id"

    @property
    def path(self) -> str:
        """As the function is named in Redis."""
        return f"{self.function.__module__}.{self.function.__name__}"

    @property
    def queue(self) -> QueueSpec:
        return QUEUES[self.queue_name]


def job_id(job: str, row_id: str, generation: int) -> str:
    """`<job>-<rowId>-<generation>`"""
    return f"{job}-{row_id}-{generation}"


def parse_job_id(text: str) -> tuple[str, str, int] | None:
    """(job, row id, generation); None for an id that is not ours."""
    head, _, generation = text.rpartition("-")
    job, _, row_id = head.partition("-")
    ours = job and row_id and generation.isdecimal() and len(generation) < 10
    return (job, row_id, int(generation)) if ours else None
