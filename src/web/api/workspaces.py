"""Workspaces (for the operator), their keys and their agents."""

from typing import Annotated, Any

from flask import g
from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session

from nightshift import workspaces
from nightshift.billing.grants import grant_this_month
from nightshift.db import models
from nightshift.db.session import execute
from web.error_responses import Problem, ProblemDetails, not_found, or_404
from web.request_parsing import Line, PageQuery, RequestBody, written_as
from web.response_models import Count, Page, ResponseModel, Time, page
from web.routing import route

PART = """
    WHERE workspace_id = %(workspace)s AND (%(before)s::text IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s
"""
ADDRESS = r"^[^@\s\x00-\x1f<>,;]+@[^@\s\x00-\x1f<>,;]+$"
Address = Annotated[str, StringConstraints(max_length=320), *written_as(ADDRESS, "one e-mail address, without a name")]
Credits = Annotated[int, Field(ge=0, le=10**15, strict=True)]


class NewWorkspace(RequestBody):
    name: Line
    notify_email: Address
    monthly_grant: Credits
    low_threshold: Credits


class WorkspaceChange(RequestBody):
    name: Line | None = None
    notify_email: Address | None = None
    monthly_grant: Credits | None = None
    low_threshold: Credits | None = None


class NewAgent(RequestBody):
    name: Line


class Workspace(ResponseModel):
    id: str
    name: str
    notify_email: str
    monthly_grant: Count
    low_threshold: Count


class CreatedWorkspace(ResponseModel):
    id: str
    name: str
    api_key: str
    agent_id: str


class Key(ResponseModel):
    id: str
    created_at: Time


class CreatedKey(Key):
    api_key: str


class Agent(ResponseModel):
    id: str
    name: str
    created_at: Time


@route("POST", "/v1/workspaces", {201: CreatedWorkspace}, access="operator")
def create(session: Session, body: NewWorkspace) -> CreatedWorkspace:
    """Create a workspace, its first agent and its first key."""
    workspace, agent, key = workspaces.create(session, **body.model_dump())
    grant_this_month(session, workspace.id)
    return CreatedWorkspace.of(workspace, api_key=key, agent_id=agent.id)


@route("PATCH", "/v1/workspaces/<workspace_id>", {200: Workspace}, access="operator")
def change(session: Session, workspace_id: str, body: WorkspaceChange) -> models.Workspace:
    """Change a workspace."""
    workspace = or_404(session.get(models.Workspace, workspace_id))
    if body.notify_email not in (None, workspace.notify_email):
        workspace.bounced_address = None
    for name, value in body.model_dump(exclude_none=True).items():
        setattr(workspace, name, value)
    return workspace


@route("POST", "/v1/keys", {201: CreatedKey, 409: ProblemDetails})
def create_key(session: Session) -> CreatedKey:
    """Create another key, shown only in this response (409: there are 100)."""
    try:
        key, secret = workspaces.create_key(session, g.workspace_id)
    except workspaces.KeyLimit as error:
        raise Problem(409, str(error)) from None
    return CreatedKey.of(key, api_key=secret)


@route("GET", "/v1/keys", {200: Page[Key]})
def keys(session: Session, query: PageQuery) -> dict[str, Any]:
    """The workspace's keys, without their secrets."""
    return _page(session, "SELECT id, created_at FROM api_keys", query)


@route("DELETE", "/v1/keys/<key_id>", {204: None, 409: ProblemDetails})
def delete_key(session: Session, key_id: str) -> None:
    """Delete a key, which ends its access at once (409: it is the last one)."""
    try:
        if not workspaces.delete_key(session, g.workspace_id, key_id):
            raise not_found()
    except workspaces.KeyLimit as error:
        raise Problem(409, str(error)) from None


@route("POST", "/v1/agents", {201: Agent})
def create_agent(session: Session, body: NewAgent) -> models.Agent:
    """Create an agent."""
    return workspaces.create_agent(session, g.workspace_id, body.name)


@route("GET", "/v1/agents", {200: Page[Agent]})
def agents(session: Session, query: PageQuery) -> dict[str, Any]:
    """The workspace's agents, newest first."""
    return _page(session, "SELECT id, name, created_at FROM agents", query)


def _page(session: Session, rows: str, query: PageQuery) -> dict[str, Any]:
    """The workspace's rows, newest first."""
    values = dict(workspace=g.workspace_id, before=query.cursor, limit=query.limit)
    return page(execute(session, rows + PART, alone=True, **values), query.limit)
