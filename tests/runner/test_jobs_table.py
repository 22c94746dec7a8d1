"""The table of the contract, row by row."""

import pytest

import jobs
from runner import Retry, job
from runner.registry import JOBS, QUEUES

assert jobs
CONTRACT = {  # queue: workers, keep finished, keep failed, seconds
    "ingestion": (3, 100, 500, 1800),
    "webhook-retry": (5, 50, 200, 60),
    "analytics-rollup": (1, 7, 30, 1800),
    "billing": (1, 12, 100, 3600),
    "email": (10, 100, 500, 60),
}
RETRIES = {
    "ingestion.ingest": ("ingestion", "jobs.ingestion.ingest", 3, [2, 8, 32]),
    "webhook_retry.retry_send": ("webhook-retry", "jobs.webhook_retry.retry_send", 5, [5, 20, 80, 320, 1280]),
    "analytics_rollup.daily_rollup": ("analytics-rollup", "jobs.analytics_rollup.daily_rollup", 2, [60, 300]),
    "billing.monthly_credit_grant": ("billing", "jobs.billing.monthly_credit_grant", 3, [60, 300, 900]),
    "email.send": ("email", "jobs.email.send", 3, [10, 10, 10]),
}


@pytest.mark.parametrize("name", CONTRACT)
def test_a_queue_is_as_agreed(name: str) -> None:
    queue = QUEUES[name]
    assert (queue.workers, queue.keep_finished, queue.keep_failed, queue.time_limit_seconds) == CONTRACT[name]


@pytest.mark.parametrize("name", RETRIES)
def test_a_jobs_retry_mirrors_the_documented_waits(name: str) -> None:
    job = JOBS[name]
    assert (job.queue.name, job.path, job.retry.max, job.retry.intervals) == RETRIES[name]


def test_a_retry_without_an_interval_for_each_retry_is_refused() -> None:
    with pytest.raises(ValueError, match="3 retries need 3 intervals, not 2"):
        job("email", Retry(max=3, interval=[5, 30]))
