"""FAILED work of any kind, for the operator: found by filters, and all of it that matches retried."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field
from sqlalchemy import Row
from sqlalchemy.orm import Session

from runner.operations import failed_work
from runner.operations.failed_work import Filters
from runner.registry import JOBS, QUEUES
from web.api.messages import Queued
from web.request_parsing import CURSOR, Limited, Line, Parameters, RequestBody, Since, decode
from web.response_models import Count, Page, ResponseModel, Time, page
from web.routing import route

QueueName = Literal[*QUEUES]  # type: ignore[valid-type]
JobName = Literal[*JOBS]  # type: ignore[valid-type]


def _decode(cursor: str) -> tuple[datetime, str, str]:
    try:
        failed_at, row_id, job = decode(cursor).split(" ")
        return datetime.fromisoformat(failed_at), row_id, job
    except ValueError:
        raise ValueError("must be a nextCursor from this list") from None


class Matching(Parameters):
    """Which FAILED work; what is left out restricts nothing."""

    queue: QueueName | None = None
    job: JobName | None = None
    workspace: Line | None = None
    error: Annotated[Line | None, Field(description="A part of the error, in any case")] = None
    since: Annotated[Since | None, Field(description="Failed then or later: a day (UTC) or a time")] = None
    id: Annotated[Line | None, Field(description="Of a document, a message, a mail, a day or a month")] = None

    def filters(self) -> Filters:
        return Filters(self.queue, self.job, self.workspace, self.error, self.since, self.id)


class FailedQuery(Matching, Limited):
    cursor: Annotated[Annotated[str, AfterValidator(_decode)] | None, CURSOR] = None


class RetryFailed(Matching, RequestBody):
    model_config = ConfigDict(json_schema_extra={"examples": [{"queue": "email", "dryRun": True}]})

    dry_run: Annotated[bool, Field(description="Only say what it would do")] = False


class Failed(ResponseModel):
    id: str
    job: str
    queue: str | None
    workspace_id: str | None
    error: str | None
    attempts: Count
    failed_at: Time

    @property
    def cursor(self) -> str:
        return f"{self.failed_at.isoformat()} {self.id} {self.job}"


class FailedPreview(ResponseModel):
    """What a retry of all that match would do. Of `mayArriveTwice` an attempt may have arrived; they come first in `sample`."""

    matched: Count
    may_arrive_twice: Count
    sample: list[Failed]


@route("GET", "/v1/failed", {200: Page[Failed]}, access="operator")
def listed(session: Session, query: FailedQuery) -> dict[str, Any]:
    """FAILED work that matches, newest first."""
    rows = failed_work.listed(session, query.filters(), query.limit, query.cursor)  # type: ignore[arg-type]
    return page([shown(row) for row in rows], query.limit, by="cursor")


@route("POST", "/v1/failed/retry", {202: Queued, 200: FailedPreview}, access="operator")
def retry_all(session: Session, body: RetryFailed) -> tuple[Queued | FailedPreview, int]:
    """Retry all FAILED work that matches, 30 rows a second; `dryRun` only says which."""
    if not body.dry_run:
        return Queued(queued=failed_work.retry_all(session, body.filters())), 202
    found = failed_work.preview(session, body.filters())
    return FailedPreview.of(found, sample=[shown(row) for row in found.sample]), 200


def shown(row: Row[Any]) -> Failed:
    """A row as it is listed."""
    queue = JOBS[row.job].queue.name if row.job in JOBS else None
    return Failed.of(row, queue=queue, workspace_id=row.workspace_id or None)
