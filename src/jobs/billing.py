"""Grant one month's credits to all workspaces."""

from nightshift.billing import grants
from nightshift.outbox import current_lease
from runner import Retry, job

RETRY = Retry(max=3, interval=[60, 300, 900])


@job("billing", RETRY, check=grants.check_month)
def monthly_credit_grant(month: str) -> None:
    """Every workspace has the grant of `month` (2026-11), once.

    Enqueued at 00:05 UTC on the first. What the database raises is retried after one, five and fifteen minutes, because
    customers are waiting for their credits; what was granted stays granted.
    """
    grants.grant_month(current_lease())
