"""What comes in, what is handed to a person, and the days' figures."""

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from flask import Blueprint, g, request
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field
from pydantic.alias_generators import to_camel
from sqlalchemy.orm import Session

from nightshift import clock, mail
from nightshift.analytics import arrivals
from nightshift.analytics.daily import daily as days_of
from nightshift.channels import CHANNELS
from nightshift.db.session import transaction
from web import asking
from web.knowledge import own_agent
from web.problems import invalid
from web.writing import Answer, writes

blueprint = Blueprint("analytics", __name__, url_prefix="/v1")
EARLIEST = timedelta(days=40)  # as far back as the roll-up catches up
CLOCK_SKEW = timedelta(minutes=5)
MOST_DAYS = 400
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
DAY = re.compile(r"20\d\d-\d\d-\d\d", re.ASCII)


def _written_out(value: Any) -> Any:
    if not isinstance(value, str) or not RFC_3339.fullmatch(value):
        raise ValueError("must be a time as in RFC 3339, like 2026-11-24T09:30:00Z")
    return value


def _recent(moment: datetime) -> datetime:
    if not -CLOCK_SKEW <= clock.now() - moment <= EARLIEST:
        raise ValueError(f"must be at most {EARLIEST.days} days back, and not in the future")
    return moment


def _known(channel_type: str) -> str:
    if channel_type not in CHANNELS:
        raise ValueError(f"must be one of {', '.join(CHANNELS)}")
    return channel_type


ChannelType = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(CHANNELS)})]
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_recent)]


class NewInbound(asking.Body):
    channel_type: ChannelType
    customer_id: asking.Line
    content: asking.Prose
    at: Moment | None = None


class NewHandoff(asking.Body):
    channel_type: ChannelType
    customer_id: asking.Line
    reason: asking.Prose


@blueprint.post("/agents/<agent_id>/inbound")
@writes
def receive(session: Session, agent_id: str) -> Answer:
    new: NewInbound = asking.body(NewInbound)
    message = arrivals.receive(session, own_agent(session, agent_id), **new.model_dump(by_alias=False))
    return _shown(message, "content", "at"), 201


@blueprint.post("/agents/<agent_id>/handoffs")
@writes
def hand_off(session: Session, agent_id: str) -> Answer:
    new: NewHandoff = asking.body(NewHandoff)
    agent = own_agent(session, agent_id)
    handoff = arrivals.hand_off(session, agent, **new.model_dump(by_alias=False))
    told = dict(agent=agent.name, channel=new.channel_type, customer=new.customer_id, reason=new.reason)
    mail.enqueue(session, g.workspace_id, "handoff", handoff.id, **told)
    return _shown(handoff, "reason", "created_at"), 201


@blueprint.get("/analytics/daily")
def daily() -> dict[str, Any]:
    first, last = _day("from"), _day("to")
    if not 0 <= (last - first).days < MOST_DAYS:
        raise invalid("to", f"must be the day of `from` or later, {MOST_DAYS} days in all at most")
    with transaction() as session:
        days = days_of(session, g.workspace_id, first, last)
    return {
        "items": [{to_camel(name): value for name, value in day.items()} | {"day": f"{day['day']}"} for day in days]
    }


def _day(name: str) -> date:
    text = request.args.get(name, "")
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise invalid(name, "must be a day, like 2026-11-24")


def _shown(row: Any, *fields: str) -> dict[str, Any]:
    """What the caller said, with its id; the last of `fields` is a time."""
    names = ("id", "agent_id", "channel_type", "customer_id", *fields)
    shown = {to_camel(name): getattr(row, name) for name in names}
    return shown | {to_camel(fields[-1]): asking.time(getattr(row, fields[-1]))}
