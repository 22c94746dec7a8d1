"""What is checked of credits, grants, slots and days."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import groupby

from customers import key_of
from evidence import Evidence

from nightshift.analytics.counts import COLUMNS, bounds, fresh
from nightshift.billing.credits import DIFFERENCES
from runner.registry import SCHEDULE

DAYS_BACK = 10  # further than any `at` of the load


def balances_are_the_ledger(evidence: Evidence) -> list[str]:
    """Each usage that was answered 200 is in the ledger once with its amount, and no other usage is."""
    wrong = [f"{row[0]}: balance {row[1]}, ledger {row[2]}" for row in evidence.machine.sql(str(DIFFERENCES))]
    rows = evidence.machine.sql("SELECT key, -amount, workspace_id FROM ledger WHERE kind = 'usage'")
    taken = Counter((key, int(amount), workspace) for key, amount, workspace in rows)
    answered = Counter((key_of(n), amount, workspace) for n, (amount, workspace) in evidence.accepted.usages.items())
    return wrong + [f"usage {use}: {taken[use]} times" for use in (taken - answered) + (answered - taken)]


def each_month_is_granted_once(evidence: Evidence) -> list[str]:
    """To each workspace, for each slot there was, and for the month it was made in."""
    slots = evidence.machine.sql("SELECT at FROM slots WHERE entry = 'monthly-credit-grant' ORDER BY at OFFSET 1")
    months = {f"{at.astimezone(UTC):%Y-%m}" for (at,) in slots} | {f"{datetime.now(UTC):%Y-%m}"}
    granted = Counter(evidence.machine.sql("SELECT workspace_id, key FROM ledger WHERE kind = 'grant'"))
    expected = Counter((client.workspace_id, month) for client in evidence.clients for month in months)
    return [f"{grant}: {granted[grant]} times" for grant in (granted - expected) + (expected - granted)]


def each_slot_is_written_once(evidence: Evidence) -> list[str]:
    """No gap between the first and now."""
    rows = evidence.machine.sql("SELECT entry, at FROM slots ORDER BY entry, at")
    wrong = []
    for entry, slots in groupby(rows, lambda row: row[0]):
        first, *later = [at for _, at in slots]
        if later != list(SCHEDULE[entry].slots(first, datetime.now(UTC))):
            wrong.append(f"{entry}: {[f'{at:%Y-%m-%d %H:%M}' for at in later]}")
    return wrong


def each_day_is_what_a_fresh_count_gives(evidence: Evidence) -> list[str]:
    """The stored days against the tables, and all days together against what was accepted."""
    today = datetime.now(UTC).date()
    query = f"SELECT day, workspace_id, {', '.join(COLUMNS)} FROM"
    limits = bounds(today - timedelta(days=DAYS_BACK), today)
    counted = fresh().replace(":from", f"'{limits['from']}'").replace(":to", f"'{limits['to']}'")
    rolled = "day IN (SELECT day FROM rolled_days)"
    of_tables = {tuple(map(str, row)) for row in evidence.machine.sql(f"{query} ({counted}) AS fresh WHERE {rolled}")}
    stored = {tuple(map(str, row)) for row in evidence.machine.sql(f"{query} daily_analytics WHERE {rolled}")}
    dirty = evidence.machine.sql("SELECT DISTINCT day FROM dirty_days")
    wrong = [f"differs: {row}" for row in sorted(of_tables ^ stored)] + [f"dirty: {day}" for (day,) in dirty]
    return wrong + _totals(evidence)


def _totals(evidence: Evidence) -> list[str]:
    today, accepted = datetime.now(UTC).date(), evidence.accepted
    wrong = []
    for number, client in enumerate(evidence.clients):
        span = {"from": f"{today - timedelta(days=DAYS_BACK)}", "to": f"{today}"}
        days = client("GET", "/v1/analytics/daily", params=span).json()["items"]
        shown = {
            name: sum(day[name] for day in days) for name in ("messagesIn", "messagesOut", "creditsUsed", "handoffs")
        }
        expected = {
            "messagesIn": sum(workspace == number for _, workspace in accepted.inbound.values()),
            "messagesOut": sum(lane.workspace == number for _, lane, _ in accepted.messages.values()),
            "creditsUsed": sum(amount for amount, owner in accepted.usages.values() if owner == client.workspace_id),
            "handoffs": sum(workspace == number for _, workspace in accepted.handoffs.values()),
        }
        wrong += [f"{client.workspace_id}: {shown}, accepted {expected}"] if shown != expected else []
    return wrong


CHECKS = [
    balances_are_the_ledger, each_month_is_granted_once, each_slot_is_written_once, each_day_is_what_a_fresh_count_gives
]  # fmt: skip
