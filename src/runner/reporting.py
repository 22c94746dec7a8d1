"""After each attempt: one log line, one count, and one Sentry event where it was the last."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import sentry_sdk

from nightshift import metrics, tracing
from nightshift.db.session import DISCONNECTED
from nightshift.errors import NightshiftError
from nightshift.logs import log
from nightshift.outbox import Lease
from nightshift.settings import Settings


def attempt(name: str, queue: str, ended: Any, seconds: float, *, by_worker: bool = False) -> None:
    """The structured line of one attempt, its counts, and the event of a last one. Of an error: its class and place, and its
    message only if that is ours. `ended`: see runner.run."""
    lease, error = ended.lease, ended.error
    job = ended.job.name if ended.job else "unknown"
    metrics.count(metrics.RUNS, queue, job, ended.outcome)
    if by_worker and lease:
        metrics.observe(metrics.WAITED, lease.queued_seconds, queue)
        metrics.observe(metrics.RAN, seconds, queue)
    with about(lease) if lease else nullcontext():
        log(
            "job", logging.ERROR if ended.outcome in ("failed", "refused") else logging.INFO,
            id=name, job=job, queue=queue, attempt=lease.runs if lease else 0,
            waited_ms=max(0, int(lease.queued_seconds * 1000)) if lease else 0, ran_ms=int(seconds * 1000),
            outcome=ended.outcome, raised=error,
        )  # fmt: skip
    if ended.outcome == "failed" and error:
        report(error, job=job, job_id=name, queue=queue)


def about(lease: Lease) -> AbstractContextManager[object]:
    """Log lines of the block name the lease's trace, workspace and row."""
    return tracing.about(lease.traceparent, workspace=lease.workspace_id, row=lease.row_id)


def start_sentry(settings: Settings) -> None:
    """Sentry, for events we send ourselves: no integration, no breadcrumb, no local variable, no text but our own."""
    if settings.sentry_dsn:
        sentry_sdk.init(
            dsn=settings.sentry_dsn, default_integrations=False, auto_enabling_integrations=False, max_breadcrumbs=0,
            include_local_variables=False, send_default_pii=False, before_send=_scrub,
            environment="production" if settings.production else "development",
        )  # fmt: skip


def report(error: BaseException, **tags: str) -> None:
    """One Sentry event with ids as tags, in a scope of its own: a tag must not reach the next job's event."""
    with sentry_sdk.new_scope() as scope:
        for name, value in tags.items():
            scope.set_tag(name, value)
        scope.capture_exception(error)


@contextmanager
def contained(event: str, *, job: str, **fields: str) -> Iterator[None]:
    """An error of the block is logged and reported, and stops nothing else. Raises DISCONNECTED."""
    try:
        yield
    except DISCONNECTED:
        raise
    except Exception as error:
        log(event, logging.ERROR, job=job, **fields, raised=error)
        report(error, job=job)


def _scrub(event: Any, hint: Any) -> Any:
    """Exception texts quote rows and requests: they stay here, unless the sentence is ours."""
    error = (hint.get("exc_info") or (None, None))[1]
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    ours = {str(e) for e in seen if isinstance(e, NightshiftError)}
    for value in (event.get("exception") or {}).get("values", []):
        if value.get("value") not in ours:
            value["value"] = ""
    event.pop("extra", None)
    return event
