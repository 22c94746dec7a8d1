"""Credits: the balance, what was used each day, and what changed it."""

from datetime import timedelta

from flask import g
from sqlalchemy.orm import Session

from nightshift.analytics import daily
from nightshift.billing import credits
from nightshift.clock import today
from web.api import credits as api
from web.console.pages import View, page
from web.request_parsing import NumberedPageQuery

DAYS = 30  # of the chart


@page("/console/credits", title="Credits", order=50)
def show(session: Session, query: NumberedPageQuery) -> View:
    """The workspace's credits and its ledger."""
    last = today()
    days = daily.daily(session, g.workspace_id, last - timedelta(days=DAYS - 1), last)
    used = [(f"{day['day']:%b %-d}", day["credits_used"]) for day in days]
    found = api.ledger.handler(session, query)
    return View("credits.html", credits.show(session, g.workspace_id)._asdict() | dict(used=used, found=found))
