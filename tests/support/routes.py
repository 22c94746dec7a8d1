"""Asking any route of the application: one thing of each kind that a path can name, and a good value for each field."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import requests
from client import OPERATOR_KEY, Client
from messaging import put, say
from recorder import Recorder
from stack import Stack, wait_for

from web import openapi, routes
from web.routes import Route

KINDS: dict[str, Callable[[Client, Recorder], str]] = {
    "workspace_id": lambda api, vendors: api.workspace_id,
    "agent_id": lambda api, vendors: api.agent_id,
    "doc_id": lambda api, vendors: str(api.settled(api.add_text("A text to look at."))["id"]),
    "channel_type": lambda api, vendors: put(api, "TELEGRAM", vendors) or "TELEGRAM",
    "message_id": lambda api, vendors: (put(api, "LINE", vendors), say(api, "Hello.", "LINE")["id"])[1],
    "key_id": lambda api, vendors: str(api("POST", "/v1/keys").json()["id"]),
    "email_id": lambda api, vendors: _email(api),
}
FIELDS = {
    "type": "text", "title": "Title", "text": "Text.", "name": "Name", "credentials": {"botToken": "1:token"},
    "channelType": "TELEGRAM", "customerId": "customer", "content": "Hello.", "reason": "Asked for a person.",
    "notifyEmail": "owner@example.com", "monthlyGrant": 10, "lowThreshold": 1, "amount": 1, "number": "2026-1",
    "amountDue": 5, "currency": "EUR", "url": "https://example.com/invoice",
    "q": "text", "from": "2026-01-01", "to": "2026-01-02",
}  # fmt: skip
UNFINISHED = "SELECT 1 FROM outbox WHERE workspace_id = %s AND state NOT IN ('done', 'failed')"
ORDER = ("get", "post", "put", "patch", "delete")
ROUTES = sorted(routes.ROUTES, key=lambda route: ORDER.index(route.method))


def params(route: Route) -> list[str]:
    """What its path names."""
    return re.findall(r"{(\w+)}", route.path)


def things(api: Client, stack: Stack, vendors: Recorder) -> dict[str, str]:
    """One of each kind, of this workspace, with nothing left to do for any of them."""
    made = {kind: KINDS[kind](api, vendors) for kind in sorted({name for route in ROUTES for name in params(route)})}
    wait_for(lambda: not stack.sql(UNFINISHED, api.workspace_id))
    return made


def body(route: Route) -> dict[str, Any] | None:
    """A good body with the fields it must have."""
    if route.body is None:
        return None
    schema = openapi.json_schema(route.body)
    schema = schema.get("oneOf", [schema])[0]
    return {name: FIELDS[name] for name in schema.get("required", [])}


def ask(api: Client, route: Route, ids: dict[str, str], **options: Any) -> requests.Response:
    """A good request, with the key it takes, but for what `options` say."""
    query = {p["name"]: FIELDS[p["name"]] for p in route.parameters if p["in"] == "query" and p.get("required")}
    once = {"Idempotency-Key": uuid4().hex} if route.method == "post" else {}
    key = OPERATOR_KEY if route.access == "operator" else api.key
    asked: dict[str, Any] = {
        "key": key,
        "json": body(route),
        "params": query,
        "headers": once,
        "stream": True,
    } | options
    return api(route.method.upper(), route.path.format(**ids), **asked)


def _email(api: Client) -> str:
    api("POST", f"/v1/agents/{api.agent_id}/handoffs", json={name: FIELDS[name] for name in HANDOFF})
    return str(wait_for(lambda: api("GET", "/v1/emails").json()["items"])[0]["id"])


HANDOFF = ("channelType", "customerId", "reason")
