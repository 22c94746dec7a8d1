"""What time starts: a day counted as a fresh count would, a month granted once to each workspace."""

from datetime import timedelta

from scene import Case, Row, count, workspace

from nightshift import outbox
from nightshift.analytics import arrivals
from nightshift.billing import credits
from nightshift.clock import start_of, today
from nightshift.db.models import Agent
from nightshift.db.session import statement, transaction

NO_WORKSPACE = {"workspace_id": ""}


def _day_owed(number: int) -> Row:
    """Two customers' messages on a day, and two on the day before, which is late."""
    day, agent_id = today() - timedelta(days=2 * number + 2), workspace()["agent_id"]
    with transaction() as session:
        agent = session.get_one(Agent, agent_id)
        for moment in (start_of(day), start_of(day) - timedelta(hours=1)):
            for customer in "ab":
                arrivals.receive(session, agent.workspace_id, agent_id, "LINE", customer, "hello", moment)
        outbox.enqueue(session, "analytics_rollup.daily_rollup", f"{day}", "")
    return {**NO_WORKSPACE, "days": [f"{day}", f"{day - timedelta(days=1)}"], "of": agent.workspace_id}


def _counted(row: Row, delivered: list[str]) -> list[str]:
    query = """SELECT conversations, messages_in FROM daily_analytics
               WHERE workspace_id = %(of)s AND day = ANY(%(days)s::text[]::date[])"""
    found = [tuple(day) for day in statement(query, of=row["of"], days=row["days"])]
    rolled = count("SELECT count(*) FROM rolled_days WHERE day = ANY(%(days)s::text[]::date[])", days=row["days"])
    late = count("SELECT count(*) FROM dirty_days")
    right = found == [(2, 2), (2, 2)] and rolled == 2 and not late
    return [] if right else [f"counted {found}, {rolled} days rolled up, {late} late rows left"]


def _month_owed(number: int) -> Row:
    month = f"{2030 + number // 12}-{number % 12 + 1:02}"
    workspace()
    with transaction() as session:
        outbox.enqueue(session, "billing.monthly_credit_grant", month, "")
    return {**NO_WORKSPACE, "month": month}


def _granted(row: Row, delivered: list[str]) -> list[str]:
    query = """
        SELECT w.id, count(l.id) AS times FROM workspaces w LEFT JOIN ledger l
        ON l.workspace_id = w.id AND l.kind = 'grant' AND l.key = %(month)s GROUP BY w.id HAVING count(l.id) <> 1
    """
    wrong = [f"{found.id}: granted {found.times} times" for found in statement(query, month=row["month"])]
    with transaction() as session:
        return wrong + [f"{different}" for different in credits.differences(session)]


CASES = {
    "daily_rollup": Case("analytics_rollup.daily_rollup", _day_owed, _counted),
    "monthly_credit_grant": Case("billing.monthly_credit_grant", _month_owed, _granted),
}
