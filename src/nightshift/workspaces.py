"""Workspaces, their API keys and their agents."""

import hashlib
import json
import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row, delete, func, select
from sqlalchemy.orm import Session

from nightshift import clock
from nightshift.db.models import Agent, ApiKey, EndedSession, Workspace
from nightshift.db.session import execute, statement
from nightshift.ids import new_id

MAX_KEYS = 100
SESSION_LIFETIME = timedelta(days=7)  # of the console
AGENT = "SELECT id, workspace_id, name FROM agents WHERE id = %(agent)s AND workspace_id = %(workspace)s"


class KeyLimit(Exception):
    """A workspace has at least one key and at most MAX_KEYS. The message is a sentence: what to do."""


def create(
    session: Session, name: str, notify_email: str, monthly_grant: int, low_threshold: int
) -> tuple[Workspace, Agent, str]:
    """A workspace with a first agent and a first key. The key is returned only here: its hash is stored."""
    workspace = Workspace(
        id=new_id("ws"), name=name, notify_email=notify_email, monthly_grant=monthly_grant, low_threshold=low_threshold,
        created_at=clock.now(),
    )  # fmt: skip
    session.add(workspace)
    session.flush()
    agent = create_agent(session, workspace.id, "Assistant")
    return workspace, agent, create_key(session, workspace.id)[1]


def create_agent(session: Session, workspace_id: str, name: str) -> Agent:
    """A new agent, without knowledge."""
    agent = Agent(id=new_id("agt"), workspace_id=workspace_id, name=name)
    session.add(agent)
    session.flush()
    return agent


def agents(session: Session, workspace_id: str, limit: int) -> list[Agent]:
    """A workspace's agents, the first one first."""
    mine = select(Agent).where(Agent.workspace_id == workspace_id).order_by(Agent.id).limit(limit)
    return list(session.scalars(mine))


def agent_of(session: Session, workspace_id: str | None, agent_id: str) -> Row[Any] | None:
    """This workspace's agent: id, workspace_id, name."""
    return next(iter(execute(session, AGENT, agent=agent_id, workspace=workspace_id, alone=True)), None)


def create_key(session: Session, workspace_id: str) -> tuple[ApiKey, str]:
    """A new key beside the others: (its row, the key itself). Raises KeyLimit."""
    session.get_one(Workspace, workspace_id, with_for_update={"key_share": True})  # others count after this one
    if session.query(ApiKey).filter_by(workspace_id=workspace_id).count() >= MAX_KEYS:
        raise KeyLimit(f"There are {MAX_KEYS} keys. Delete one that is not used first.")
    secret = f"nsk_{secrets.token_urlsafe(32)}"
    key = ApiKey(id=new_id("key"), workspace_id=workspace_id, digest=_digest(secret))
    session.add(key)
    session.flush()
    return key, secret


def delete_key(session: Session, workspace_id: str, key_id: str) -> bool:
    """Revoke a key at once. False where the workspace has no such key. Raises KeyLimit."""
    session.get_one(Workspace, workspace_id, with_for_update={"key_share": True})  # others count after this one
    mine = session.scalars(select(ApiKey.id).where(ApiKey.workspace_id == workspace_id)).all()
    if mine == [key_id]:
        raise KeyLimit("This is the workspace's last key. Create another one first.")
    session.execute(delete(ApiKey).where(ApiKey.workspace_id == workspace_id, ApiKey.id == key_id))
    return key_id in mine


def owner_of(secret: str) -> tuple[str, str] | None:
    """(workspace id, key id) of a key, found by its SHA-256: 256 random bits need no salt.

    The index lookup is not constant-time, which is safe: its time reveals only how many leading bits the digest of a guess
    shares with a stored digest, and nobody can choose a key by its digest.
    """
    rows = statement("SELECT workspace_id, id FROM api_keys WHERE digest = %(digest)s", digest=_digest(secret))
    return (rows[0].workspace_id, rows[0].id) if rows else None


def prune_sessions(session: Session) -> None:
    """Forget each ended session of the console once it would be over by itself."""
    session.execute(delete(EndedSession).where(EndedSession.ended_at < func.now() - SESSION_LIFETIME))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def ensure_demo(session: Session, path: Path, base_url: str, admin_key: str) -> dict[str, str]:
    """The demo workspace of this installation, created once; its keys are stored at `path` (mode 0600)."""
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        known = {}
    if not known.get("apiKey") or owner_of(known["apiKey"]) is None:
        workspace, agent, key = create(session, "Demo", "demo@example.com", 10_000, 1_000)
        known = {"apiKey": key, "workspaceId": workspace.id, "agentId": agent.id}
    demo = {**known, "baseUrl": base_url, "adminApiKey": admin_key}
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(demo, file, indent=2)
    draft.replace(path)
    return demo
