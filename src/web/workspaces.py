"""Workspaces (for the operator), keys and agents."""

from typing import Annotated, Any

from flask import Blueprint, g
from pydantic import Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from nightshift import workspaces
from nightshift.billing.grants import grant_this_month
from nightshift.db.models import Agent, ApiKey, Workspace
from nightshift.db.session import transaction
from web import asking
from web.problems import Problem, not_found
from web.writing import Answer, writes

blueprint = Blueprint("workspaces", __name__, url_prefix="/v1")
Email = Annotated[str, StringConstraints(max_length=320, pattern=r"^[^@\s\x00-\x1f<>,;]+@[^@\s\x00-\x1f<>,;]+$")]
Credits = Annotated[int, Field(ge=0, le=10**15, strict=True)]


class NewWorkspace(asking.Body):
    name: asking.Line
    notify_email: Email
    monthly_grant: Credits
    low_threshold: Credits


class WorkspaceChange(asking.Body):
    name: asking.Line | None = None
    notify_email: Email | None = None
    monthly_grant: Credits | None = None
    low_threshold: Credits | None = None


class NewAgent(asking.Body):
    name: asking.Line


@blueprint.post("/workspaces")
@writes
def create(session: Session) -> Answer:
    new: NewWorkspace = asking.body(NewWorkspace)
    workspace, agent, key = workspaces.create(session, **new.model_dump(by_alias=False))
    grant_this_month(session, workspace.id)
    return {"id": workspace.id, "name": workspace.name, "apiKey": key, "agentId": agent.id}, 201


@blueprint.patch("/workspaces/<workspace_id>")
@writes
def change(session: Session, workspace_id: str) -> Answer:
    workspace = asking.found(session.get(Workspace, workspace_id))
    changes: WorkspaceChange = asking.body(WorkspaceChange)
    for name, value in changes.model_dump(by_alias=False, exclude_none=True).items():
        setattr(workspace, name, value)
    return _workspace(workspace), 200


@blueprint.post("/keys")
@writes
def create_key(session: Session) -> Answer:
    key, secret = workspaces.create_key(session, g.workspace_id)
    return {"id": key.id, "apiKey": secret, "createdAt": asking.time(key.created_at)}, 201


@blueprint.get("/keys")
def keys() -> dict[str, Any]:
    return _listed(ApiKey, lambda key: {"id": key.id, "createdAt": asking.time(key.created_at)})


@blueprint.delete("/keys/<key_id>")
@writes
def delete_key(session: Session, key_id: str) -> Answer:
    session.get_one(Workspace, g.workspace_id, with_for_update={"key_share": True})
    mine = select(ApiKey.id).where(ApiKey.workspace_id == g.workspace_id)
    if session.scalars(mine).all() == [key_id]:
        raise Problem(409, "This is the workspace's last key: make another one first.")
    if not workspaces.delete_key(session, g.workspace_id, key_id):
        raise not_found()
    return None, 204


@blueprint.post("/agents")
@writes
def create_agent(session: Session) -> Answer:
    new: NewAgent = asking.body(NewAgent)
    return _agent(workspaces.create_agent(session, g.workspace_id, new.name)), 201


@blueprint.get("/agents")
def agents() -> dict[str, Any]:
    return _listed(Agent, _agent)


def _listed(model: Any, view: Any) -> dict[str, Any]:
    """A page of the workspace's rows of `model`, newest first."""
    size, before = asking.limit(), asking.cursor()
    query = select(model).where(model.workspace_id == g.workspace_id).order_by(model.id.desc()).limit(size)
    with transaction() as session:
        rows = session.scalars(query.where(model.id < before) if before else query).all()
    return asking.page([view(row) for row in rows], size)


def _agent(agent: Agent) -> dict[str, Any]:
    return {"id": agent.id, "name": agent.name, "createdAt": asking.time(agent.created_at)}


def _workspace(workspace: Workspace) -> dict[str, Any]:
    return {
        "id": workspace.id,
        "name": workspace.name,
        "notifyEmail": workspace.notify_email,
        "monthlyGrant": workspace.monthly_grant,
        "lowThreshold": workspace.low_threshold,
    }
