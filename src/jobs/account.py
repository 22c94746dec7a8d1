"""After each attempt: one log line, one count, one Sentry event where it was the last, and no more jobs kept than agreed."""

import logging
import time
from typing import Any

import sentry_sdk

from jobs.queues import QUEUES
from nightshift.errors import NightshiftError
from nightshift.logs import log, where
from nightshift.settings import Settings

KEPT_SECONDS = 10 * 365 * 24 * 3600  # by count; the time is finite because -1 breaks the registries' order
COUNTS = "nightshift:jobs"  # hash: "<queue> <job> <outcome>" -> how often, since Redis was last empty

# Of both registries all but the newest jobs go, oldest first, with everything RQ keeps of them. RQ scores in whole
# seconds, which leaves the order within a second to the alphabet: the job that just ended is scored to the microsecond.
TRIM = """
    redis.call('HINCRBY', KEYS[3], ARGV[3], 1)
    for i = 1, 2 do
        redis.call('ZADD', KEYS[i], 'XX', ARGV[4], ARGV[5])
        local excess = redis.call('ZCARD', KEYS[i]) - tonumber(ARGV[i])
        if excess > 0 then
            for _, id in ipairs(redis.call('ZRANGE', KEYS[i], 0, excess - 1)) do
                redis.call('ZREM', KEYS[i], id)
                redis.call('DEL', 'rq:job:' .. id, 'rq:results:' .. id, 'rq:executions:' .. id,
                           'rq:job:' .. id .. ':dependents', 'rq:job:' .. id .. ':dependencies')
            end
        end
    end
"""


def count_and_trim(connection: Any, queue: str, job_id: str, job: str, outcome: str) -> None:
    """Count one attempt and trim both registries of its queue, exactly. `connection`: a pipeline will do."""
    spec = QUEUES[queue]
    keys = [f"rq:finished:{queue}", f"rq:failed:{queue}", COUNTS]
    expires_at = time.time() + KEPT_SECONDS
    args = [spec.keep_finished, spec.keep_failed, f"{queue} {job} {outcome}", expires_at, job_id]
    connection.eval(TRIM, len(keys), *keys, *args)


def line(job: Any, queue: str, outcome: str, error: Any, ran_ms: int) -> None:
    """The structured line of one attempt. Of an error: its class and place, and its message only if that is ours."""
    bad = outcome in ("failed", "refused", "died")
    waited = (job.started_at - job.enqueued_at).total_seconds() if job.started_at and job.enqueued_at else 0
    log(
        "job", logging.ERROR if bad else logging.INFO, id=job.id, job=job.description, queue=queue, attempt=job.attempt,
        waited_ms=max(0, int(waited * 1000)), ran_ms=ran_ms, outcome=outcome, error=where(error) if error else None,
    )  # fmt: skip


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
