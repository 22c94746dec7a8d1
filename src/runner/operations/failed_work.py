"""FAILED work of any kind: found by filters, grouped by error, and all of it that matches retried."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from nightshift.db import like
from nightshift.outbox import retries
from runner.registry import JOBS, jobs_of

SAMPLE = 20
GROUPED = 10_000  # the newest rows that are grouped by error

CONDITIONS = {
    "jobs": "o.job = ANY (:jobs)",
    "workspace": "o.workspace_id = :workspace",
    **like.conditions("error", "o.error"),
    "since": "o.updated_at >= :since",
    "until": "o.updated_at <= :until",
    "row_id": "o.row_id = :row_id",
    "before": "(o.updated_at, o.row_id, o.job) < (:before_at, :before, :before_job)",
}
COLUMNS = "o.row_id AS id, o.job, o.workspace_id, o.error, o.runs AS attempts, o.updated_at AS failed_at"
FOUND = f"FROM outbox o WHERE o.state = 'failed' AND {retries.NOT_SCHEDULED} AND {{where}}"
LIST = f"SELECT {COLUMNS} {FOUND} ORDER BY o.updated_at DESC, o.row_id DESC, o.job DESC LIMIT :limit"
BY_ERROR = f"""
    SELECT job, error, count(*) AS number, min(updated_at) AS first_at, max(updated_at) AS last_at
    FROM (SELECT o.job, o.error, o.updated_at {FOUND} ORDER BY o.updated_at DESC LIMIT {GROUPED}) AS newest
    GROUP BY job, error ORDER BY number DESC, last_at DESC LIMIT :limit
"""  # noqa: S608 constants
PREVIEW = f"""
    WITH matched AS (SELECT {COLUMNS}, {{doubtful}} AS doubtful {FOUND})
    SELECT (SELECT count(*) FROM matched) AS matched, (SELECT count(*) FROM matched WHERE doubtful) AS may_arrive_twice,
        (SELECT json_object_agg(job, number) FROM (SELECT job, count(*) AS number FROM matched GROUP BY job) AS n) AS jobs, few.*
    FROM (SELECT) AS always LEFT JOIN LATERAL (
        SELECT * FROM matched ORDER BY doubtful DESC, failed_at, id LIMIT {SAMPLE}) AS few ON true
"""  # noqa: S608 constants


@dataclass(frozen=True)
class Filters:
    """Which FAILED rows; what is None restricts nothing. `error`: a part of the sentence, in any case. `row_id`: of a document,
    a message, a mail, a day, a month."""

    queue: str | None = None
    job: str | None = None
    workspace: str | None = None
    error: str | None = None
    since: datetime | None = None
    row_id: str | None = None
    until: datetime | None = None

    def values(self) -> dict[str, Any]:
        """The parameters of its conditions."""
        given = dict(
            jobs=[name for name in jobs_of(self.queue) if self.job in (None, name)], workspace=self.workspace,
            since=self.since, row_id=self.row_id, until=self.until,
        )  # fmt: skip
        named = {name: value for name, value in given.items() if value is not None}
        return named | like.containing("error", self.error)


@dataclass(frozen=True)
class Preview:
    """What a bulk retry would do: how many rows; how many of each job; of how many an earlier run may have had its effect
    outside; how long it takes until the last one is enqueued; some of them, the doubtful ones first."""

    matched: int
    jobs: dict[str, int]
    may_arrive_twice: int
    seconds: int
    sample: Sequence[Row[Any]]


def listed(
    session: Session, filters: Filters, limit: int, before: tuple[datetime, str, str] | None = None
) -> Sequence[Row[Any]]:
    """What is FAILED, newest first: id, job, workspace_id, error, attempts, failed_at. Not what is to be retried already.

    `before`: (failed_at, id, job) of the last row of the page before.
    """
    values = filters.values()
    if before:
        values |= dict(zip(("before_at", "before", "before_job"), before, strict=True))
    return session.execute(text(LIST.format(where=_where(values))), values | {"limit": limit}).all()


def by_error(session: Session, filters: Filters, limit: int = 20) -> Sequence[Row[Any]]:
    """The newest FAILED rows by job and error, the most frequent first: job, error, number, first_at, last_at."""
    values = filters.values()
    return session.execute(text(BY_ERROR.format(where=_where(values))), values | {"limit": limit}).all()


def preview(session: Session, filters: Filters) -> Preview:
    """What `retry_all` would do now."""
    values = filters.values()
    doubtful = " ".join(f"WHEN '{job.name}' THEN {job.doubtful}" for job in JOBS.values())
    sql = PREVIEW.format(where=_where(values), doubtful=f"CASE o.job {doubtful} ELSE false END")
    rows = session.execute(text(sql), values).all()
    first = rows[0]
    sample = [row for row in rows if row.id]
    return Preview(first.matched, first.jobs or {}, first.may_arrive_twice, retries.seconds(first.matched), sample)


def retry_all(session: Session, filters: Filters) -> int:
    """Have every FAILED row that matches retried, 30 a second: how many, without those that are to be retried already."""
    values = filters.values()
    return retries.schedule(session, _where(values), **values)


def _where(values: dict[str, Any]) -> str:
    return " AND ".join(CONDITIONS[name] for name in values if name in CONDITIONS)
