"""Each day's figures: what came in by HTTP, as the roll-up and a reader see it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from client import OPERATOR_KEY, Client
from owed import by_a_worker
from stack import Stack, wait_for

NOTHING = dict.fromkeys(
    ("conversations", "messagesIn", "messagesOut", "messagesFailed", "handoffs", "creditsUsed", "docsReady"), 0
)


def today() -> date:
    return datetime.now(UTC).date()


def receive(api: Client, at: Any = None, **changes: Any) -> Any:
    body = {"channelType": "SLACK", "customerId": "C1", "content": "Where is my parcel?", **changes}
    return api("POST", f"/v1/agents/{api.agent_id}/inbound", json=body if at is None else {**body, "at": at})


def noon(day: date) -> str:
    return f"{day}T12:00:00Z"


def daily(api: Client, first: date, last: date) -> dict[str, dict[str, int]]:
    answer = api("GET", "/v1/analytics/daily", params={"from": str(first), "to": str(last)})
    assert answer.status_code == 200, answer.text
    return {item.pop("day"): item for item in answer.json()["items"]}


def test_a_day_that_goes_on_is_counted_when_it_is_asked_for(api: Client) -> None:
    assert daily(api, today(), today()) == {str(today()): NOTHING}
    api.settled(api.add_text("Shipping takes two days."))
    api.settled(api.add_text("Returns are free."))
    for customer in ("C1", "C1", "C2"):
        assert receive(api, customerId=customer).status_code == 201
    handoff = {"channelType": "LINE", "customerId": "C1", "reason": "Wants a person"}
    assert api("POST", f"/v1/agents/{api.agent_id}/handoffs", json=handoff).status_code == 201
    api("POST", "/v1/credits/usage", json={"amount": 7, "reason": "x"}, headers={"Idempotency-Key": "k"})
    seen = daily(api, today(), today())[str(today())]
    assert seen == NOTHING | {"conversations": 2, "messagesIn": 3, "handoffs": 1, "creditsUsed": 7, "docsReady": 2}


def test_a_document_counts_when_it_is_ready_for_the_first_time(api: Client, stack: Stack) -> None:
    doc_id = api.add_text("Once.")
    api.settled(doc_id)
    before = today() - timedelta(days=33)
    stack.sql("UPDATE documents SET first_ready_at = %s WHERE id = %s", noon(before), doc_id)
    api("POST", f"/v1/knowledge/{doc_id}/reingest")
    api.settled(doc_id)
    wait_for(lambda: stack.sql("SELECT 1 FROM outbox WHERE row_id = %s AND state = 'done'", doc_id))
    seen = daily(api, before, today())
    assert (seen[str(before)]["docsReady"], seen[str(today())]["docsReady"]) == (1, 0)


def test_a_late_message_is_counted_on_its_own_day_by_the_next_run(api: Client, stack: Stack) -> None:
    day, next_day = today() - timedelta(days=6), today() - timedelta(days=5)
    receive(api, noon(day))
    by_a_worker(stack, "analytics_rollup.daily_rollup", str(day))
    stored = "SELECT messages_in, conversations FROM daily_analytics WHERE workspace_id = %s AND day = %s"
    assert stack.sql(stored, api.workspace_id, day) == [(1, 1)]
    receive(api, f"{day}T23:59:59.999+00:00")
    receive(api, f"{next_day}T01:00:00+02:00", customerId="C2")  # 23:00 of the day before in UTC
    assert stack.sql(stored, api.workspace_id, day) == [(1, 1)]
    assert daily(api, day, day)[str(day)]["messagesIn"] == 3, "a reader need not wait for it"
    by_a_worker(stack, "analytics_rollup.daily_rollup", str(next_day))
    assert stack.sql(stored, api.workspace_id, day) == [(3, 2)]
    assert daily(api, day, day)[str(day)] == NOTHING | {"messagesIn": 3, "conversations": 2}
    assert stack.sql("SELECT 1 FROM dirty_days WHERE day = %s", day) == []


def test_outbound_messages_count_by_what_became_of_them(api: Client, stack: Stack) -> None:
    day = today() - timedelta(days=4)
    for number, status in enumerate(("SENT", "SENT", "FAILED", "RETRYING")):
        stack.sql(
            "INSERT INTO messages VALUES (%s, %s, %s, 'SLACK', 'C1', 'Hi', %s, '{}', NULL, %s, now())",
            f"msg_{api.agent_id}{number}", api.workspace_id, api.agent_id, status, noon(day),
        )  # fmt: skip
    by_a_worker(stack, "analytics_rollup.daily_rollup", str(day))
    seen = daily(api, day, day)[str(day)]
    assert seen == NOTHING | {"conversations": 1, "messagesOut": 2, "messagesFailed": 1}


def test_the_days_are_all_there_and_another_workspace_sees_none_of_it(api: Client) -> None:
    receive(api, noon(today() - timedelta(days=2)))
    seen = daily(api, today() - timedelta(days=399), today())
    assert len(seen) == 400
    assert list(seen) == sorted(seen)
    assert sum(day["messagesIn"] for day in seen.values()) == 1
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
    assert set(map(str, daily(other, today() - timedelta(days=9), today()).values())) == {str(NOTHING)}
    assert receive(other).status_code == 201
    path = f"/v1/agents/{api.agent_id}"
    body = {"channelType": "SLACK", "customerId": "C1", "content": "x"}
    assert other("POST", f"{path}/inbound", json=body).status_code == 404
    assert (
        other("POST", f"{path}/handoffs", json={"channelType": "SLACK", "customerId": "C", "reason": "x"}).status_code
        == 404
    )


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("to=2026-11-24", "from"),
        ("from=2026-11-24", "to"),
        ("from=2026-11-24&to=2026-02-30", "to"),
        ("from=20261124&to=2026-11-24", "from"),
        ("from=2026-11-24T00:00:00Z&to=2026-11-24", "from"),
        ("from=2026-11-24&to=2026-11-23", "to"),
        ("from=2025-11-24&to=2026-12-29", "to"),
        ("from=9999-12-31&to=9999-12-31", "from"),
    ],
)
def test_days_that_are_none_are_named(api: Client, query: str, field: str) -> None:
    answer = api("GET", f"/v1/analytics/daily?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_the_answers_say_what_was_noted(api: Client) -> None:
    at = datetime.now(UTC) - timedelta(days=39, hours=23)
    made = receive(api, at.isoformat()).json()
    shown = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert made == {
        "id": made["id"], "agentId": api.agent_id, "channelType": "SLACK", "customerId": "C1",
        "content": "Where is my parcel?", "at": shown,
    }  # fmt: skip
    handoff = {"channelType": "LINE", "customerId": "C1", "reason": "Wants a person"}
    made = api("POST", f"/v1/agents/{api.agent_id}/handoffs", json=handoff).json()
    assert made == {"id": made["id"], "agentId": api.agent_id, **handoff, "createdAt": made["createdAt"]}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"at": "yesterday"}, "at"),
        ({"at": 1700000000}, "at"),
        ({"at": "2026-11-24T09:00:00"}, "at"),
        ({"at": "2026-13-24T09:00:00Z"}, "at"),
        ({"at": (datetime.now(UTC) - timedelta(days=40, hours=1)).isoformat()}, "at"),
        ({"at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}, "at"),
        ({"channelType": "FAX"}, "channelType"),
        ({"customerId": ""}, "customerId"),
        ({"content": ""}, "content"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_noted_is_named(api: Client, changes: dict[str, Any], field: str) -> None:
    answer = receive(api, **changes)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert daily(api, today(), today())[str(today())] == NOTHING
