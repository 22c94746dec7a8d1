"""The table of the contract, row by row."""

import pytest
from jobs.registry import JOBS

from jobs.queues import QUEUES

CONTRACT = {  # queue: workers, keep finished, keep failed, seconds
    "ingestion": (3, 100, 500, 1800),
    "webhook-retry": (5, 50, 200, 60),
    "analytics-rollup": (1, 7, 30, 1800),
    "billing": (1, 12, 100, 3600),
    "email": (10, 100, 500, 60),
}
RETRIES = {
    "ingest": ("ingestion", "jobs.ingestion.ingest", 3, [2, 8, 32]),
    "retry_send": ("webhook-retry", "jobs.webhook_retry.retry_send", 5, [5, 20, 80, 320, 1280]),
    "daily_rollup": ("analytics-rollup", "jobs.analytics_rollup.daily_rollup", 2, [60, 300]),
    "monthly_credit_grant": ("billing", "jobs.billing.monthly_credit_grant", 3, [60, 300, 900]),
    "send": ("email", "jobs.email.send", 3, [10, 10, 10]),
}


@pytest.mark.parametrize("name", CONTRACT)
def test_a_queue_is_as_agreed(name: str) -> None:
    spec = QUEUES[name]
    assert (spec.workers, spec.keep_finished, spec.keep_failed, spec.time_limit_seconds) == CONTRACT[name]
    assert set(QUEUES) == set(CONTRACT)


@pytest.mark.parametrize("name", RETRIES)
def test_a_jobs_retry_mirrors_the_documented_waits(name: str) -> None:
    job = JOBS[name]
    assert (job.queue_name, job.path, job.retry.max, job.retry.intervals) == RETRIES[name]
    assert len(job.retry.intervals) == job.retry.max, "RQ aligns intervals to the right: one for each retry"
    assert set(JOBS) == set(RETRIES)
