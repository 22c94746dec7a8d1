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
    SELECT %(id)s, %(workspace)s, id, %(channel_type)s, %(customer_id)s, %(content)s, %(at)s, %(now)s
    FROM agents WHERE id = %(agent)s AND workspace_id = %(workspace)s
    RETURNING id, agent_id, channel_type, customer_id, content, at
"""


def receive(
    session: Session,
    workspace_id: str,
    agent_id: str,
    channel_type: str,
    customer_id: str,
    content: str,
    at: datetime | None,
) -> Any:
    """Store a customer's message; None without such an agent. It counts on the day of `at` (None: now), even if that day was
    counted before. To be called last in a transaction."""
    now = clock.now()
    values = dict(
        id=new_id("inb"), workspace=workspace_id, agent=agent_id, channel_type=channel_type, customer_id=customer_id,
        content=content, at=at or now, now=now,
    )  # fmt: skip
    dirty_days.mark(session, at or now)
    return next(iter(execute(session, RECEIVE, alone=True, **values)), None)


def hand_off(session: Session, agent: Row[Any], channel_type: str, customer_id: str, reason: str) -> Handoff:
    """Store that a conversation was handed off to a person."""
    handoff = Handoff(
        id=new_id("hnd"), workspace_id=agent.workspace_id, agent_id=agent.id, channel_type=channel_type,
        customer_id=customer_id, reason=reason, created_at=clock.now(),
    )  # fmt: skip
    session.add(handoff)
    session.flush()
    return handoff
