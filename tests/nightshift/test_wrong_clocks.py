"""A process on a machine whose clock is wrong writes the same moments as every other one: Postgres'."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from other_clock import other_clock

from nightshift.db.session import statement

PROGRAM = """
import json
from datetime import UTC, datetime
import jobs
from jobs.analytics_rollup import daily_rollup
from jobs.billing import monthly_credit_grant
from nightshift import clock, workspaces
from nightshift.analytics import arrivals
from nightshift.billing import grants
from nightshift.db.session import transaction
from nightshift.ids import made_at
from runner.cron import now, open_slots
from runner.registry import SCHEDULE

def refused(job, argument):
    try:
        job(argument)
    except ValueError as error:
        return str(error)

with transaction() as session:
    workspace, agent, _ = workspaces.create(session, "Far away", "owner@example.com", 1000, 100)
    session.flush()
    grants.grant_this_month(session, workspace.id)
    received = arrivals.receive(session, workspace.id, agent.id, "TELEGRAM", "customer", "Hello", None)
    slots = [slot for entry in SCHEDULE.values() for slot in open_slots(session, entry, now(session))]
machine = datetime.now(UTC)
print(json.dumps({
    "machine": machine.isoformat(), "now": clock.now().isoformat(), "workspace": workspace.id, "at": received.at.isoformat(),
    "id": made_at(received.id).isoformat(), "slots": len(slots),
    "refused": [refused(daily_rollup, f"{machine:%Y-%m-%d}"), refused(monthly_credit_grant, f"{machine:%Y}-12")],
}))
"""


def told_at(offset: str) -> dict[str, Any]:
    environment = {**os.environ, **other_clock(offset)}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    return dict(json.loads(ended.stdout.splitlines()[-1]))


@pytest.mark.slow
def test_a_clock_that_is_five_years_ahead_changes_no_moment_no_day_and_no_month() -> None:
    told = told_at("+5y")
    [(postgres,)] = statement("SELECT now()")
    machine = datetime.fromisoformat(told["machine"])
    assert machine - postgres > timedelta(days=5 * 364), "this machine's clock is ahead"
    for name in ("now", "at", "id"):
        assert abs(datetime.fromisoformat(told[name]) - postgres) < timedelta(minutes=2), name
    assert told["slots"] <= 2, "no more than what an ordinary look may find, and not years of them"
    assert [sentence.partition(",")[0] for sentence in told["refused"]] == [
        "day: must be a day that is over",
        "month: must be a month that has begun",
    ]
    grants = statement("SELECT key FROM ledger WHERE workspace_id = %(w)s", w=told["workspace"])
    assert [row.key for row in grants] == [f"{postgres.astimezone(UTC):%Y-%m}"]


@pytest.mark.slow
def test_a_clock_that_is_a_minute_behind_is_put_right_too() -> None:
    told = told_at("-60")
    assert datetime.fromisoformat(told["now"]) - datetime.fromisoformat(told["machine"]) > timedelta(seconds=50)
