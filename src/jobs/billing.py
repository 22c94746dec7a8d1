"""Grant one month's credits to all workspaces.

Owed at 00:05 UTC on the first. Raises what the database raises; what was granted stays granted, and the rest is tried again
after one, five and fifteen minutes: customers are waiting for their credits.
"""

from rq import Retry

from jobs import timed
from jobs.spec import JobSpec
from nightshift.billing import grants

QUEUE = "billing"
RETRY = Retry(max=3, interval=[60, 300, 900])


def monthly_credit_grant(month: str) -> None:
    """See to it that every workspace has the grant of `month` (2026-11), once."""
    timed.run(JOB, month, grants.grant_month)


JOB = JobSpec(
    "monthly_credit_grant", QUEUE, RETRY, monthly_credit_grant, timed.failed, timed.replay_of("monthly_credit_grant")
)
