"""Calling any route of the application: one thing of each kind that a path can name, and a valid value for each field."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import requests
from client import OPERATOR_KEY, Client
from messaging import put, say
from pydantic import TypeAdapter
from recorder import Recorder
from stack import Stack, wait_for

from web.openapi import parameters
from web.routing import Route, declared

KINDS: dict[str, Callable[[Client, Recorder], str]] = {
    "customer_id": lambda api, vendors: "nobody",
    "workspace_id": lambda api, vendors: api.workspace_id,
    "agent_id": lambda api, vendors: api.agent_id,
    "doc_id": lambda api, vendors: str(api.settled(api.add_text("A text to look at."))["id"]),
    "channel_type": lambda api, vendors: put(api, "TELEGRAM", vendors) or "TELEGRAM",
    "message_id": lambda api, vendors: (put(api, "LINE", vendors), say(api, "Hello.", "LINE")["id"])[1],
    "email_id": lambda api, vendors: _email(api),
    "pause_id": lambda api, vendors: str(
        api("POST", "/v1/pauses", json=PAUSE | {"channelType": "DISCORD"}).json()["id"]
    ),
    "hook_id": lambda api, vendors: _hook(api),
    "entry": lambda api, vendors: "daily-rollup",
    "slot": lambda api, vendors: "2026-03-04T02:00:00Z",
}
FIELDS = {
    "type": "text", "title": "Title", "text": "Text.", "name": "Name", "credentials": {"botToken": "1:token"},
    "channelType": "TELEGRAM", "customerId": "customer", "content": "Hello.", "reason": "Asked for a person.",
    "notifyEmail": "owner@example.com", "monthlyGrant": 10, "lowThreshold": 1, "amount": 1, "number": "2026-1",
    "amountDue": 5, "currency": "EUR", "url": "https://example.com/invoice",
    "q": "text", "from": "2026-01-01", "to": "2026-01-02",
}  # fmt: skip
PAUSE = {"channelType": "SLACK", "reason": "Maintenance."}
ORDER = ("GET", "POST", "PUT", "PATCH", "DELETE")
ROUTES = sorted((route for route in declared() if not route.is_page), key=lambda route: ORDER.index(route.method))


def params(route: Route) -> list[str]:
    """The parameters in its path."""
    return re.findall(r"<(?:path:)?(\w+)>", route.path)


def path(route: Route, ids: dict[str, str]) -> str:
    return re.sub(r"<(?:path:)?(\w+)>", lambda name: ids[name[1]], route.path)


def query(route: Route, *, required: bool = False) -> list[str]:
    """The names of its query parameters."""
    return [p["name"] for p in parameters(route) if p["in"] == "query" and (p["required"] or not required)]


def things(api: Client, stack: Stack, vendors: Recorder) -> dict[str, str]:
    """One of each kind, of this workspace, with nothing left to do for any of them."""
    made: dict[str, str] = {}
    for kind in sorted({name for route in ROUTES for name in params(route)}):
        made[kind] = KINDS[kind](api, vendors) if kind in KINDS else _created(api, kind, made)
    unfinished = "SELECT 1 FROM outbox WHERE workspace_id = %s AND state NOT IN ('done', 'failed')"
    wait_for(lambda: not stack.sql(unfinished, api.workspace_id))
    return made


def body(route: Route) -> dict[str, Any] | None:
    """A valid body with the required fields."""
    if route.body is None:
        return None
    schema = TypeAdapter(route.body).json_schema()
    if "oneOf" in schema:
        schema = schema["$defs"][schema["oneOf"][0]["$ref"].rpartition("/")[2]]
    plain = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    types = {name: schema["properties"][name].get("type") for name in schema.get("required", [])}
    made = {name: FIELDS.get(name, plain.get(kind, "text")) for name, kind in types.items()}
    return made | PAUSE if route.path == "/v1/pauses" else made


def ask(api: Client, route: Route, ids: dict[str, str], **options: Any) -> requests.Response:
    """A valid request, with the key it takes, except for what `options` say."""
    once = {"Idempotency-Key": uuid4().hex} if route.method == "POST" else {}
    asked: dict[str, Any] = {
        "key": OPERATOR_KEY if route.access == "operator" else api.key, "json": body(route),
        "params": {name: FIELDS[name] for name in query(route, required=True)}, "headers": once, "stream": True,
    } | options  # fmt: skip
    return api(route.method, path(route, ids), **asked)


def _created(api: Client, kind: str, ids: dict[str, str]) -> str:
    """Made by a POST to the list that a path with this parameter names."""
    collection = next(route.path.partition(f"/<{kind}>")[0] for route in ROUTES if f"/<{kind}>" in route.path)
    create = next(route for route in ROUTES if (route.method, route.path) == ("POST", collection))
    return str(ask(api, create, ids).json()["id"])


def _email(api: Client) -> str:
    api("POST", f"/v1/agents/{api.agent_id}/handoffs", json={name: FIELDS[name] for name in HANDOFF})
    return str(wait_for(lambda: api("GET", "/v1/emails").json()["items"])[0]["id"])


def _hook(api: Client) -> str:
    credentials = {"accessToken": "token", "phoneNumberId": "1"}
    answer = api("PUT", "/v1/channels/WHATSAPP", json={"credentials": credentials})
    return str(answer.json()["hookUrl"].rpartition("/")[2])


HANDOFF = ("channelType", "customerId", "reason")
