"""Inbound messages and handoffs to a person."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from nightshift import clock, dirty_days
from nightshift.db.models import Handoff
from nightshift.db.session import execute
from nightshift.ids import new_id

RECEIVE = """
    INSERT INTO inbound_messages (id, workspace_id, agent_id, channel_type, customer_id, content, at, created_at)
    VALUES (%(id)s, %(workspace)s, %(agent)s, %(channel_type)s, %(customer_id)s, %(content)s, %(at)s, %(now)s)
    RETURNING id, agent_id, channel_type, customer_id, content, at
"""


def receive(
    session: Session, agent: Any, channel_type: str, customer_id: str, content: str, at: datetime | None
) -> Row[Any]:
    """Store a customer's message. It counts on the day of `at` (None: now), even if that day was counted before."""
    now = clock.now()
    values = dict(
        id=new_id("inb"), workspace=agent.workspace_id, agent=agent.id, channel_type=channel_type, customer_id=customer_id,
        content=content, at=at or now, now=now,
    )  # fmt: skip
    dirty_days.mark(session, at or now)
    return execute(session, RECEIVE, **values)[0]


def hand_off(session: Session, agent: Any, channel_type: str, customer_id: str, reason: str) -> Handoff:
    """Store that a conversation was handed off to a person."""
    handoff = Handoff(
        id=new_id("hnd"), workspace_id=agent.workspace_id, agent_id=agent.id, channel_type=channel_type,
        customer_id=customer_id, reason=reason, created_at=clock.now(),
    )  # fmt: skip
    session.add(handoff)
    session.flush()
    return handoff
