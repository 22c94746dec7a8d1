"""Every route there is, asked by everybody who must not get in: it says no, and nothing has changed."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from client import OPERATOR_KEY, Client
from recorder import Recorder
from routes import ROUTES, ask, params, things
from stack import Stack

from web import access, create_app

OWN_THINGS = {  # the caller's own, whatever is named
    ("PUT", "/v1/channels/<channel_type>"),
    ("DELETE", "/v1/customers/<channel_type>/<path:customer_id>"),
}
OF_NOBODY = {"alembic_version", "done_hours", "outbox_since", "rolled_days", "slots", "undone", "verdicts"}
NAMES = ("id", "workspace_id", "agent_id", "doc_id", "message_id", "email_id", "row_id", "scope")


@pytest.fixture
def ids(api: Client, stack: Stack, vendors: Recorder) -> dict[str, str]:
    return things(api, stack, vendors)


def addresses(ids: dict[str, str], *levels: str) -> Iterator[tuple[str, str]]:
    """(method, path) of every rule of the application that may be called at these levels of access, HEAD and OPTIONS too."""
    app = create_app()
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda name: ids.get(name[1], "0"), rule.rule)
        for method in sorted(rule.methods or ()):
            if not rule.build_only and access.level(app, rule.endpoint) in levels:
                yield method, path


def state(stack: Stack, ids: dict[str, str]) -> dict[str, Any]:
    """Every row, in every table, of what has one of these ids."""
    columns = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    tables: dict[str, list[str]] = {}
    for table, column in stack.sql(columns):
        tables.setdefault(table, []).extend([column] if column in NAMES else [])
    of_nobody = {table for table, names in tables.items() if not names}
    assert of_nobody == OF_NOBODY, "a new table: name the column that says whose its rows are"
    rows = {}
    for table in tables.keys() - of_nobody:
        named = " OR ".join(f"{column}::text = ANY(%(ids)s)" for column in tables[table])
        query = f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t WHERE {named}"
        rows[table] = stack.sql(query.replace("%(ids)s", "ARRAY['" + "','".join(ids.values()) + "']"))
    return rows


def wrong_keys(key: str) -> dict[str, str | None]:
    return {
        "none": None, "empty": "", "no word": "Bearer", "blank": "Bearer  ", "unknown": "Bearer nsk_unknown",
        "one letter off": f"Bearer {key[:-1]}{'A' if key[-1] != 'A' else 'B'}", "shorter": f"Bearer {key[:-1]}",
        "longer": f"Bearer {key}A", "upper case": f"Bearer {key.upper()}", "another scheme": f"Basic {key}",
        "no scheme": key, "in other words": f"Basic x Bearer {key}", "two": f"Bearer {key}, Bearer {key}",
        "latin": "Bearer \xff\xe4", "SQL": "Bearer ' OR '1'='1",
    }  # fmt: skip


def test_without_a_right_key_every_route_is_401_and_nothing_changes(
    api: Client, stack: Stack, ids: dict[str, str]
) -> None:
    before, tried = state(stack, ids), 0
    for method, path in addresses(ids, "workspace", "operator", "either"):
        for kind, value in wrong_keys(api.key).items():
            headers = {} if value is None else {"Authorization": value.encode("latin-1")}
            answer = requests.request(method, api.base_url + path, headers=headers, json={}, timeout=60)
            assert answer.status_code == 401, (method, path, kind)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            tried += 1
    assert tried > 500
    assert state(stack, ids) == before


def test_a_key_in_the_address_opens_nothing(api: Client) -> None:
    for name in ("key", "apiKey", "api_key", "token", "access_token", "authorization"):
        answer = requests.get(f"{api.base_url}/v1/agents", params={name: api.key}, cookies={name: api.key}, timeout=60)
        assert answer.status_code == 401


def test_public_routes_need_no_key_and_are_none_of_the_workspaces(
    api: Client, stack: Stack, ids: dict[str, str]
) -> None:
    stack.wait_ready()
    public = {path for _, path in addresses(ids, "public") if not path.startswith("/console/")}
    assert {"/docs", "/openapi.json", "/healthz", "/readyz"} <= public
    for path in public:
        assert requests.get(api.base_url + path, timeout=60).status_code == 200, path
        assert not path.startswith("/v1/")


def test_all_of_the_console_leads_to_the_sign_in_page(api: Client, stack: Stack, ids: dict[str, str]) -> None:
    strangers = ({}, {"Authorization": f"Bearer {api.key}"}, {"Authorization": f"Bearer {OPERATOR_KEY}"},
                 {"Cookie": f"nightshift_console={api.key}"}, {"Cookie": "nightshift_console=WyJhIiwiYiJd.aaaa"})  # fmt: skip
    before, tried = state(stack, ids), 0
    for method, path in addresses(ids, "console", "console-operator", "console-either"):
        for headers in strangers:
            answer = requests.request(method, api.base_url + path, headers=headers, allow_redirects=False, timeout=60)
            assert answer.status_code == 303 and answer.headers["Location"].startswith("/console/sign-in"), (
                method,
                path,
            )
            tried += 1
    assert tried > 30
    assert state(stack, ids) == before


def test_another_workspaces_session_in_the_console_sees_and_changes_nothing(
    api: Client, stack: Stack, ids: dict[str, str]
) -> None:
    other, visitor = Client.of_new_workspace(stack.base_url, OPERATOR_KEY), requests.Session()
    visitor.post(f"{stack.base_url}/console/sign-in", data={"key": other.key}, timeout=60).raise_for_status()
    before, tried = state(stack, ids), 0
    for method, path in addresses(ids, "console", "console-either"):
        if any(row_id in path for row_id in ids.values() if len(row_id) > 20):
            answer = visitor.request(method, stack.base_url + path, allow_redirects=False, timeout=60)
            assert answer.status_code == 404 or method in ("POST", "OPTIONS"), (method, path, answer.status_code)
            tried += 1
    assert tried > 5
    assert state(stack, ids) == before


def test_pages_for_developers_are_401_from_elsewhere(api: Client, ids: dict[str, str]) -> None:
    tried = 0
    for method, path in addresses(ids, "developer"):
        for key in ({}, {"Authorization": f"Bearer {OPERATOR_KEY}"}, {"Authorization": f"Bearer {api.key}"}):
            away = {"X-Forwarded-For": "203.0.113.9", "Origin": api.base_url, **key}
            answer = requests.request(method, api.base_url + path, headers=away, timeout=60)
            assert answer.status_code == 401, (method, path)
            tried += 1
    assert tried > 50


def test_a_workspaces_key_opens_no_operators_route_and_the_operators_key_no_workspaces(
    api: Client, stack: Stack, ids: dict[str, str]
) -> None:
    before = state(stack, ids)
    for route in ROUTES:
        if route.access not in ("public", "vendor", "either"):
            key = api.key if route.access == "operator" else OPERATOR_KEY
            assert ask(api, route, ids, key=key).status_code == 401, route.path
    assert state(stack, ids) == before


def test_another_workspaces_things_are_404_and_stay_as_they_are(api: Client, stack: Stack, ids: dict[str, str]) -> None:
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
    before = state(stack, ids)
    named = [route for route in ROUTES if params(route) and route.access in ("workspace", "either")]
    for route in named:
        if (route.method, route.path) not in OWN_THINGS:
            assert ask(other, route, ids).status_code == 404, (route.method, route.path)
    assert state(stack, ids) == before
    for route in named:  # the same requests, by the owner
        assert ask(api, route, ids).status_code in {*route.responses, 409}, (route.method, route.path)
    assert state(stack, ids) != before
