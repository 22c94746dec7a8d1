"""The scheduler as it runs: slots that were missed, a wiped Redis, a killed scheduler, a slot that failed for good."""

import json
import subprocess
import sys
import zlib
from datetime import UTC, datetime, timedelta

import pytest
import requests
from client import Client
from ops import ops
from owed import by_a_worker
from stack import Stack, wait_for

from jobs.analytics_rollup import daily_rollup
from jobs.billing import monthly_credit_grant
from nightshift.db.session import transaction
from runner.registry import Job

ROLLUP, GRANT = "analytics_rollup.daily_rollup", "billing.monthly_credit_grant"
DUE = "rq:scheduler:scheduled_jobs"


def last_seen(stack: Stack, entry: str, ago: timedelta) -> None:
    """As if the entry's newest slot was that long ago, and nothing was enqueued since."""
    moment = datetime.now(UTC) - ago
    stack.sql("DELETE FROM slots WHERE entry = %s", entry)
    stack.sql("INSERT INTO slots VALUES (%s, %s)", entry, moment)
    stack.sql("DELETE FROM outbox WHERE job IN (%s, %s) AND state = 'done'", ROLLUP, GRANT)


def now_due(stack: Stack, entry: str) -> None:
    """As if its time in Redis had come."""
    wait_for(lambda: stack.redis.zadd(DUE, {entry: 1}, xx=True, ch=True) or stack.redis.zscore(DUE, entry) == 1)


def enqueued(stack: Stack, job: str) -> dict[str, str]:
    return dict(stack.sql("SELECT row_id, state FROM outbox WHERE job = %s ORDER BY 1", job))


def days_back(first: int, last: int) -> list[str]:
    """The days whose slots at 02:00 lie in the time from so many days ago until now."""
    return [str((datetime.now(UTC) - timedelta(days=n)).date()) for n in range(first, last - 1, -1)]


@pytest.fixture(autouse=True)
def awake(stack: Stack) -> None:
    stack.wait_ready()


def test_redis_holds_both_entries_for_their_next_slot_in_utc(stack: Stack) -> None:
    wait_for(lambda: stack.redis.zcount(DUE, 2, "+inf") == 2)
    due = {
        name.decode(): datetime.fromtimestamp(at, UTC) for name, at in stack.redis.zrange(DUE, 0, -1, withscores=True)
    }
    assert {name: f"{at:%H:%M}" for name, at in due.items()} == {
        "daily-rollup": "02:00",
        "monthly-credit-grant": "00:05",
    }
    assert due["monthly-credit-grant"].day == 1
    assert timedelta() < due["daily-rollup"] - datetime.now(UTC) <= timedelta(days=1)


def test_after_three_days_down_three_days_are_rolled_up(api: Client, stack: Stack) -> None:
    before = "SELECT count(*) FROM slots WHERE entry = 'daily-rollup'"
    last_seen(stack, "daily-rollup", timedelta(days=3))
    now_due(stack, "daily-rollup")
    slots = wait_for(lambda: (n := stack.sql(before)[0][0]) > 1 and n - 1)
    assert slots == 3
    wait_for(lambda: list(enqueued(stack, ROLLUP).values()) == ["done"] * 3)
    expected = days_back(3, 1) if datetime.now(UTC).hour >= 2 else days_back(4, 2)
    assert list(enqueued(stack, ROLLUP)) == expected
    now_due(stack, "daily-rollup")
    stack.redis.flushall()
    wait_for(lambda: (stack.redis.zscore(DUE, "daily-rollup") or 0) > 1)
    assert len(enqueued(stack, ROLLUP)) == 3, "looked at again, none is enqueued again"


def test_a_grant_missed_by_a_month_is_granted_and_a_wiped_redis_does_not_matter(api: Client, stack: Stack) -> None:
    last_seen(stack, "monthly-credit-grant", timedelta(days=31))
    stack.redis.flushall()
    this_month = f"{datetime.now(UTC):%Y-%m}"
    wait_for(lambda: enqueued(stack, GRANT).get(this_month) == "done", 90)
    assert api("GET", "/v1/credits").json()["balance"] == 1000, "it had this month's when it was made"
    stack.wait_ready()


def test_a_second_scheduler_takes_over_within_15_seconds_from_one_that_was_killed(stack: Stack) -> None:
    first = stack.processes["scheduler"]
    second = stack.launch("scheduler")
    try:
        first.kill()
        first.wait()
        last_seen(stack, "daily-rollup", timedelta(days=1))
        stack.redis.delete(DUE, "nightshift:scheduler")
        wait_for(lambda: stack.redis.exists("nightshift:scheduler"), 60)  # 15 s where nothing else runs
        wait_for(lambda: list(enqueued(stack, ROLLUP).values()) == ["done"])
    finally:
        stack.processes["scheduler"] = second


def test_a_slot_that_failed_for_good_is_seen_and_retried_by_ops(api: Client, stack: Stack) -> None:
    day = "2026-02-03"
    stack.sql("ALTER TABLE rolled_days RENAME TO rolled_days_away")
    try:
        stack.sql("INSERT INTO outbox (job, row_id, workspace_id) VALUES (%s, %s, '')", ROLLUP, day)
        for failures in (1, 2):
            tried = f"SELECT 1 FROM outbox WHERE row_id = %s AND failures = {failures}"
            wait_for(lambda sql=tried: stack.sql(sql, day))
            stack.hurry(day)
        wait_for(lambda: enqueued(stack, ROLLUP).get(day) == "failed")
    finally:
        stack.sql("ALTER TABLE rolled_days_away RENAME TO rolled_days")

    [line] = [line for line in ops("failed", "--queue", "analytics-rollup").stdout.splitlines() if day in line]
    assert line.startswith(f"{ROLLUP} {day} - 3 ")
    assert ops("retry", "--job", ROLLUP, "--id", day).returncode == 0
    wait_for(lambda: enqueued(stack, ROLLUP)[day] == "done")


def test_called_by_hand_it_runs_whatever_was_done_before(api: Client, stack: Stack) -> None:
    by_a_worker(stack, ROLLUP, "2026-02-04")
    rolled = "SELECT rolled_at FROM rolled_days WHERE day = '2026-02-04'"
    before = stack.sql(rolled)
    program = "from jobs.analytics_rollup import daily_rollup; daily_rollup('2026-02-04')"
    subprocess.run([sys.executable, "-c", program], cwd=stack.root, env=stack.env, check=True, timeout=300)
    assert stack.sql(rolled) > before


REFUSED = [
    (daily_rollup, day)
    for day in ("24.11.2026", "2026-02-30", "", "2026-02-04\n", "2099-01-01", str(datetime.now(UTC).date()))
]
REFUSED += [(monthly_credit_grant, month) for month in ("11.2026", "2026-13", "2026-1", "", "2031-07")]


@pytest.mark.parametrize(("job", "row_id"), REFUSED)
def test_a_day_that_is_not_over_and_a_month_that_has_not_begun_are_refused_before_a_row_is_written(
    job: Job, row_id: str, stack: Stack
) -> None:
    rows = "SELECT count(*) FROM outbox WHERE job = %s AND row_id = %s"  # another test may have written one as SQL
    before = stack.sql(rows, job.name, row_id)
    for refused in (job, lambda row_id: _enqueue(job, row_id)):
        with pytest.raises(ValueError, match=r"^(day|month): must be .*$"):
            refused(row_id)
    assert stack.sql(rows, job.name, row_id) == before


def _enqueue(job: Job, row_id: str) -> None:
    with transaction() as session:
        job.enqueue(session, row_id)


@pytest.mark.slow
def test_by_hand_such_a_day_is_one_line(stack: Stack) -> None:
    program = "from jobs.analytics_rollup import daily_rollup; daily_rollup('24.11.2026')"
    command = [sys.executable, "-c", program]
    answer = subprocess.run(command, cwd=stack.root, env=stack.env, capture_output=True, text=True, timeout=300)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert (
        answer.stderr.splitlines()[-1]
        == "ValueError: day: must be a day that is over, like 2026-11-24, not '24.11.2026'"
    )


def test_what_ended_is_kept_as_agreed(stack: Stack) -> None:
    for number in range(9):
        by_a_worker(stack, ROLLUP, f"2026-01-{number + 10}")
    wait_for(lambda: stack.redis.zcard("rq:finished:analytics-rollup") == 7)
    newest = stack.redis.zrange("rq:finished:analytics-rollup", -1, -1)[0].decode()
    job = stack.redis.hgetall(f"rq:job:{newest}")
    assert newest.startswith("analytics_rollup-daily_rollup-2026-01-18-")
    assert json.loads(zlib.decompress(job[b"data"]))[2] == ["2026-01-18"]


def test_readyz_knows_the_scheduler(stack: Stack) -> None:
    assert requests.get(f"{stack.base_url}/readyz", timeout=60).json()["scheduler"] is True
