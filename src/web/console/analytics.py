"""Analytics: each day's figures as charts, with a table beside each."""

from datetime import timedelta
from typing import Any

from flask import g
from pydantic import Field
from sqlalchemy.orm import Session

from nightshift.analytics.daily import daily
from nightshift.clock import today
from web.api.analytics import DayQuery
from web.console.pages import View, page
from web.console.texts import faults
from web.error_responses import Problem
from web.request_parsing import Parameters, parse

CHARTS = {
    "conversations": "Conversations",
    "messages_in": "Messages in",
    "messages_out": "Messages out",
    "messages_failed": "Messages failed",
    "handoffs": "Handoffs",
    "credits_used": "Credits used",
    "docs_ready": "Documents ready",
}
SPANS = (7, 30, 90)  # days that are one click away
USUAL = 30


class Span(Parameters):
    first: str = Field("", alias="from")
    last: str = Field("", alias="to")


@page("/console/analytics", title="Analytics", order=60)
def show(session: Session, query: Span) -> View:
    """Each day's figures, of the last 30 days where no others are asked for."""
    last = today()
    span = {"from": query.first or _before(last, USUAL), "to": query.last or f"{last}"}
    spans = [(f"Last {days} days", _before(last, days)) for days in SPANS]
    data: dict[str, Any] = dict(span=span, today=f"{last}", charts=[], wrong=())
    try:
        asked = parse(DayQuery, span)
    except Problem as problem:
        return View(
            "analytics.html", data | dict(wrong=faults(problem, **{"from": "From", "to": "To"})), dict(spans=spans)
        )
    days = daily(session, g.workspace_id, asked.first, asked.last)
    charts = [(title, [(f"{day['day']:%b %-d}", day[name]) for day in days]) for name, title in CHARTS.items()]
    return View("analytics.html", data | dict(charts=charts), dict(spans=spans))


def _before(last: Any, days: int) -> str:
    return f"{last - timedelta(days=days - 1)}"
