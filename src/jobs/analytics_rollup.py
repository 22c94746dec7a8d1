"""Roll up one day of all workspaces."""

from nightshift.analytics import rollup
from nightshift.outbox import current_lease
from runner import Retry, job

RETRY = Retry(max=2, interval=[60, 300])


@job("analytics-rollup", RETRY, check=rollup.check_day)
def daily_rollup(day: str) -> None:
    """Make the analytics of `day` (2026-11-24) what a fresh count gives.

    Enqueued at 02:00 UTC for the day before. What the database raises is retried after one and after five minutes; then it
    is FAILED until the operator retries it: the next day's run does not depend on it.
    """
    rollup.roll_up(current_lease())
