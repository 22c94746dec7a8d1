"""Inbound messages and handoffs to a person."""

from datetime import datetime

from sqlalchemy.orm import Session

from nightshift import clock, dirty_days
from nightshift.db.models import Agent, Handoff, InboundMessage
from nightshift.ids import new_id


def receive(
    session: Session, agent: Agent, channel_type: str, customer_id: str, content: str, at: datetime | None
) -> InboundMessage:
    """Store a customer's message. It counts on the day of `at` (None: now), even if that day was counted before."""
    now = clock.now()
    message = InboundMessage(
        id=new_id("inb"), workspace_id=agent.workspace_id, agent_id=agent.id, channel_type=channel_type,
        customer_id=customer_id, content=content, at=at or now, created_at=now,
    )  # fmt: skip
    session.add(message)
    dirty_days.mark(session, message.at)
    session.flush()
    return message


def hand_off(session: Session, agent: Agent, channel_type: str, customer_id: str, reason: str) -> Handoff:
    """Store that a conversation was handed off to a person."""
    handoff = Handoff(
        id=new_id("hnd"), workspace_id=agent.workspace_id, agent_id=agent.id, channel_type=channel_type,
        customer_id=customer_id, reason=reason, created_at=clock.now(),
    )  # fmt: skip
    session.add(handoff)
    session.flush()
    return handoff
