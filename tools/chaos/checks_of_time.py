"""What is counted of credits, grants, slots and days."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import groupby

from customers import key_of
from scene import Scene

from jobs.schedule import SCHEDULE
from nightshift.analytics.counts import COLUMNS, bounds, fresh
from nightshift.billing.credits import DIFFERENCES

DAYS_BACK = 10  # further than any `at` of the load


def balances_are_the_ledger(scene: Scene) -> list[str]:
    """Each use that was answered stands there once with its amount, and no other does."""
    wrong = [f"{row[0]}: balance {row[1]}, ledger {row[2]}" for row in scene.machine.sql(str(DIFFERENCES))]
    rows = scene.machine.sql("SELECT key, -amount, workspace_id FROM ledger WHERE kind = 'usage'")
    taken = Counter((key, int(amount), workspace) for key, amount, workspace in rows)
    promised = Counter((key_of(n), amount, workspace) for n, (amount, workspace) in scene.accepted.usages.items())
    return wrong + [f"usage {use}: {taken[use]} times" for use in (taken - promised) + (promised - taken)]


def each_month_is_granted_once(scene: Scene) -> list[str]:
    """To each workspace, for each slot there was, and for the month it was made in."""
    slots = scene.machine.sql("SELECT at FROM slots WHERE entry = 'monthly-credit-grant' ORDER BY at OFFSET 1")
    months = {f"{at.astimezone(UTC):%Y-%m}" for (at,) in slots} | {f"{datetime.now(UTC):%Y-%m}"}
    granted = Counter(scene.machine.sql("SELECT workspace_id, key FROM ledger WHERE kind = 'grant'"))
    expected = Counter((client.workspace_id, month) for client in scene.clients for month in months)
    return [f"{grant}: {granted[grant]} times" for grant in (granted - expected) + (expected - granted)]


def each_slot_is_written_once(scene: Scene) -> list[str]:
    """No gap between the first and now."""
    rows = scene.machine.sql("SELECT entry, at FROM slots ORDER BY entry, at")
    wrong = []
    for entry, slots in groupby(rows, lambda row: row[0]):
        first, *later = [at for _, at in slots]
        if later != list(SCHEDULE[entry].slots(first, datetime.now(UTC))):
            wrong.append(f"{entry}: {[f'{at:%Y-%m-%d %H:%M}' for at in later]}")
    return wrong


def each_day_is_what_a_fresh_count_gives(scene: Scene) -> list[str]:
    """The stored days against the tables, and all days together against what was accepted."""
    today = datetime.now(UTC).date()
    query = f"SELECT day, workspace_id, {', '.join(COLUMNS)} FROM"
    limits = bounds(today - timedelta(days=DAYS_BACK), today)
    counted = fresh().replace(":from", f"'{limits['from']}'").replace(":to", f"'{limits['to']}'")
    rolled = "day IN (SELECT day FROM rolled_days)"
    of_tables = {tuple(map(str, row)) for row in scene.machine.sql(f"{query} ({counted}) AS fresh WHERE {rolled}")}
    stored = {tuple(map(str, row)) for row in scene.machine.sql(f"{query} daily_analytics WHERE {rolled}")}
    late = scene.machine.sql("SELECT DISTINCT day FROM dirty_days")
    return (
        [f"differs: {row}" for row in sorted(of_tables ^ stored)] + [f"late: {day}" for (day,) in late] + _totals(scene)
    )


def _totals(scene: Scene) -> list[str]:
    today, promised = datetime.now(UTC).date(), scene.accepted
    wrong = []
    for number, client in enumerate(scene.clients):
        span = {"from": f"{today - timedelta(days=DAYS_BACK)}", "to": f"{today}"}
        days = client("GET", "/v1/analytics/daily", params=span).json()["items"]
        shown = {
            name: sum(day[name] for day in days) for name in ("messagesIn", "messagesOut", "creditsUsed", "handoffs")
        }
        expected = {
            "messagesIn": sum(workspace == number for _, workspace in promised.inbound.values()),
            "messagesOut": sum(lane.workspace == number for _, lane, _ in promised.messages.values()),
            "creditsUsed": sum(amount for amount, owner in promised.usages.values() if owner == client.workspace_id),
            "handoffs": sum(workspace == number for _, workspace in promised.handoffs.values()),
        }
        wrong += [f"{client.workspace_id}: {shown}, accepted {expected}"] if shown != expected else []
    return wrong


CHECKS = [
    balances_are_the_ledger, each_month_is_granted_once, each_slot_is_written_once, each_day_is_what_a_fresh_count_gives
]  # fmt: skip
