"""Roll up one day of all workspaces.

Owed at 02:00 UTC for the day before, and again for each day that got late rows. Raises what the database raises; it is
tried again after one and after five minutes, and then rests until the operator has it tried again: the next day's run
does not depend on it.
"""

from rq import Retry

from jobs import timed
from jobs.spec import JobSpec
from nightshift.analytics import rollup

QUEUE = "analytics-rollup"
RETRY = Retry(max=2, interval=[60, 300])


def daily_rollup(day: str) -> None:
    """Make the analytics of `day` (2026-11-24) what a fresh count gives."""
    timed.run(JOB, day, rollup.roll_up)


JOB = JobSpec("daily_rollup", QUEUE, RETRY, daily_rollup, timed.failed, timed.replay_of("daily_rollup"))
