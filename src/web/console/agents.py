"""The agent that a page is about."""

from typing import Any

from flask import g
from sqlalchemy import Row
from sqlalchemy.orm import Session

from nightshift import workspaces
from nightshift.db.models import Agent
from web.access import own_agent

MAX_AGENTS = 200  # to choose from


def chosen_agent(session: Session, agent_id: str) -> tuple[list[tuple[str, str]], Row[Any] | Agent]:
    """(The id and name of each agent, the one that the page is about: without an id the first). Raises 404."""
    agents = workspaces.agents(session, g.workspace_id, MAX_AGENTS)
    agent = own_agent(session, agent_id) if agent_id else agents[0]
    return [(each.id, each.name) for each in agents], agent
