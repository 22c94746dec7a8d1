"""Conversations: what a customer wrote, and handing one over to a person."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from flask import g
from pydantic import AfterValidator, AwareDatetime, BeforeValidator
from sqlalchemy.orm import Session

from nightshift import clock, mail
from nightshift.analytics import arrivals
from nightshift.db import models
from nightshift.settings import settings
from web.access import own_agent
from web.api.channels import ChannelType, CustomerNamed
from web.error_responses import or_404
from web.request_parsing import Prose
from web.response_models import ResponseModel, Time
from web.routing import route

MAX_AGE = timedelta(days=40)  # as far back as the roll-up catches up
CLOCK_SKEW = timedelta(minutes=5)
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _written_as_time(value: Any) -> Any:
    if not isinstance(value, str) or not RFC_3339.fullmatch(value):
        raise ValueError("must be a time as in RFC 3339, like 2026-11-24T09:30:00Z")
    return value


def _recent(moment: datetime) -> datetime:
    if not -CLOCK_SKEW <= clock.now() - moment <= MAX_AGE:
        raise ValueError(f"must be at most {MAX_AGE.days} days ago, and not in the future")
    return moment


class NewInbound(CustomerNamed):
    content: Prose
    at: Annotated[AwareDatetime, BeforeValidator(_written_as_time), AfterValidator(_recent)] | None = None


class NewHandoff(CustomerNamed):
    reason: Prose


class _Arrived(ResponseModel):
    id: str
    agent_id: str
    channel_type: ChannelType
    customer_id: str


class InboundMessage(_Arrived):
    content: str
    at: Time


class Handoff(_Arrived):
    reason: str
    created_at: Time


@route("POST", "/v1/agents/<agent_id>/inbound", {201: InboundMessage})
def receive(session: Session, agent_id: str, body: NewInbound) -> tuple[Any, int]:
    """Record a customer's message; it is counted on the day of `at`."""
    return or_404(arrivals.receive(session, g.workspace_id, agent_id, **body.model_dump())), 201


@route("POST", "/v1/agents/<agent_id>/handoffs", {201: Handoff})
def hand_off(session: Session, agent_id: str, body: NewHandoff) -> models.Handoff:
    """Hand a conversation over to a person, who gets an e-mail."""
    agent = own_agent(session, agent_id)
    handoff = arrivals.hand_off(session, agent, **body.model_dump())
    values = dict(agent=agent.name, channel=body.channel_type, customer=body.customer_id, reason=body.reason)
    mail.enqueue(session, g.workspace_id, "handoff", handoff.id, **values, link=_link(handoff))
    return handoff


def _link(handoff: models.Handoff) -> str:
    """To the console's page of what this customer was told; "" where it is not known how people reach it."""
    which = dict(agent=handoff.agent_id, channel=handoff.channel_type, customer=handoff.customer_id)
    base = settings().public_url
    return f"{base}/console/messages?{urlencode(which)}" if base else ""
