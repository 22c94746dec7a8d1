"""What starts by the clock: one line an entry, in UTC."""

from datetime import timedelta

from jobs.analytics_rollup import daily_rollup
from jobs.billing import monthly_credit_grant
from jobs.retention import retention
from nightshift.analytics.forgetting import first_kept
from nightshift.settings import settings
from runner import Entry

DAY = timedelta(days=1)

Entry("daily-rollup", "0 2 * * *", daily_rollup, lambda slot: f"{slot - DAY:%Y-%m-%d}", catch_up=40)
Entry("monthly-credit-grant", "5 0 1 * *", monthly_credit_grant, lambda slot: f"{slot:%Y-%m}", catch_up=3)
Entry("retention", "30 3 * * *", retention, first_kept, catch_up=1, when=lambda: settings().retention_days is not None)
