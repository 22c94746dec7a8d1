"""Delete what is older than RETENTION_DAYS."""

from datetime import date

from nightshift.analytics import forgetting
from nightshift.db.session import transaction
from nightshift.errors import PermanentError
from runner import Retry, job
from runner.forget import forget_jobs
from runner.registry import JOBS

RETRY = Retry(max=2, interval=[60, 300])


@job("analytics-rollup", RETRY, check=forgetting.check_day)
def retention(day: str) -> None:
    """Delete the messages, inbound messages, handoffs and mail from before `day` (2026-11-24, UTC); the figures stay.

    Enqueued at 03:30 UTC where RETENTION_DAYS is set, a day of rows in each transaction. What the database raises is retried
    after one and after five minutes; what is left is deleted the next night.
    """
    try:
        forgetting.check_day(day)
    except ValueError as kept:  # RETENTION_DAYS was raised, or unset, since
        raise PermanentError(f"{kept}.") from None
    before = date.fromisoformat(day)
    while True:
        with transaction() as session:
            gone = forgetting.forget_oldest_day(session, list(JOBS), before)
            if gone is None:
                return
            forget_jobs(session, gone.jobs or ())
