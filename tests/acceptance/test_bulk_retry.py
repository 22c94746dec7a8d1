"""Messages are found by filters, and all FAILED ones that match are retried: exactly that set, in each customer's order."""

from collections import defaultdict
from typing import Any

from client import OPERATOR_KEY, Client
from messaging import message, put, say, settled, trying
from recorder import Answer, Recorder
from stack import Stack, wait_for

BLOCKED = Answer(403, {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"})


def found(api: Client, **filters: Any) -> list[str]:
    answer = api("GET", f"/v1/agents/{api.agent_id}/messages", params=filters)
    assert answer.status_code == 200, answer.text
    return [shown["id"] for shown in answer.json()["items"]]


def retry(api: Client, key: str | None = None, **body: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    answer = api("POST", f"/v1/agents/{api.agent_id}/messages/retry", json=body, headers=headers)
    assert answer.status_code == (200 if body.get("dryRun") else 202), answer.text
    return answer.json()


def fail(api: Client, vendors: Recorder, text: str, customer: str = "customer", channel: str = "TELEGRAM") -> str:
    """The id of a message that the vendor refused for good."""
    vendors.script(f"{text} of {api.workspace_id}", BLOCKED)
    made = say(api, f"{text} of {api.workspace_id}", channel, customer)
    assert made["status"] == "FAILED", made
    return str(made["id"])


def test_messages_are_found_by_what_they_are(api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    put(api, "TWILIO", vendors)
    sent = say(api, "Order 100% über_ready")["id"]
    phoned = say(api, "Your code", "TWILIO", "+49 151 1234567")["id"]
    failed = fail(api, vendors, "Nobody reads this", "shut")
    vendors.script(f"Later {api.workspace_id}", *[Answer(500)] * 9)
    retrying = say(api, f"Later {api.workspace_id}", customer="slow")["id"]
    behind = say(api, "After it", customer="slow")["id"]
    at = message(api, phoned)["createdAt"]
    everything = [behind, retrying, failed, phoned, sent]
    for filters, expected in (
        ({}, everything),
        ({"status": "", "q": ""}, everything),
        ({"status": "FAILED"}, [failed]),
        ({"status": "SENT"}, [phoned, sent]),
        ({"status": "RETRYING"}, [behind, retrying]),
        ({"channelType": "TWILIO"}, [phoned]),
        ({"customerId": "0049 151 1234567"}, [phoned]),
        ({"customerId": "slow", "status": "RETRYING"}, [behind, retrying]),
        ({"customerId": "slow", "status": "SENT"}, []),
        ({"error": "BLOCKED"}, [failed]),
        ({"q": "ORDER 100% ÜBER_"}, [sent]),
        ({"q": "100_"}, []),
        ({"to": at}, [phoned, sent]),
        ({"from": at.replace("Z", "+00:00"), "limit": 2}, [behind, retrying]),
        ({"from": at, "to": at}, [phoned]),
        ({"from": at[:10]}, everything),
        ({"to": "2026-03-01"}, []),
        ({"from": "2026-03-01T09:30", "to": "9999-12-31"}, everything),
    ):
        assert found(api, **filters) == expected, filters
    for bad in ({"from": "yesterday"}, {"status": "LOST"}, {"channelType": "FAX"}):
        assert api("GET", f"/v1/agents/{api.agent_id}/messages", params=bad).status_code == 422, bad


def test_all_that_match_are_retried_in_each_customers_order(api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    put(api, "LINE", vendors)
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
    put(other, "TELEGRAM", vendors)
    elsewhere = fail(other, vendors, "Elsewhere")
    on_line = fail(api, vendors, "On LINE", channel="LINE")
    failed = [fail(api, vendors, f"{number}.", customer) for number in range(4) for customer in ("anna", "boris")]
    marker = f"lost of {api.workspace_id}"
    vendors.script(marker, Answer(silent=True), BLOCKED)
    lost = say(api, marker, customer="carla")["id"]
    stack.hurry(lost)
    assert [a["outcome"] for a in settled(api, lost)["attempts"]] == ["unknown", "failed"]
    what = {"status": "FAILED", "channelType": "TELEGRAM"}
    would = retry(api, **what, dryRun=True)
    assert (would["matched"], would["mayArriveTwice"], would["sample"][0]["id"]) == (9, 1, lost)
    assert {shown["id"] for shown in would["sample"]} == {*failed, lost}
    assert retry(api, **what, customerId="carla", dryRun=True)["matched"] == 1
    assert retry(api, ids=[failed[0], elsewhere], dryRun=True)["matched"] == 1
    before = len(vendors.asked("/telegram", api.workspace_id))
    assert retry(api, "once", **what) == retry(api, "once", **what) == {"queued": 9}
    assert retry(api, **what) == {"queued": 0}, "they are to be retried already"
    assert {settled(api, message_id)["status"] for message_id in [*failed, lost]} == {"SENT"}
    said = defaultdict(list)
    for request in vendors.asked("/telegram", api.workspace_id)[before:]:
        said[request.json["chat_id"]].append(request.json["text"][:2])
    assert said == {"anna": ["0.", "1.", "2.", "3."], "boris": ["0.", "1.", "2.", "3."], "carla": ["lo"]}
    assert message(api, on_line)["status"] == message(other, elsewhere)["status"] == "FAILED"
    assert other("POST", f"/v1/agents/{api.agent_id}/messages/retry", json=what).status_code == 404
    assert api("POST", f"/v1/agents/{api.agent_id}/messages/retry", json={"customerId": ""}).status_code == 422


def test_one_whose_turn_comes_later_is_retrying_and_is_left_alone_if_someone_retries_it_before(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    failed = [fail(api, vendors, f"{number}.", f"customer {number}") for number in range(3)]
    with stack.nothing_moves():
        assert retry(api) == {"queued": 3}
        times = [message(api, message_id)["nextAttemptAt"] for message_id in failed]
        assert times == sorted(times) and len({*times}) == 3
        assert found(api, status="RETRYING") == failed[::-1] and found(api, status="FAILED") == []
        vendors.script(f"1. of {api.workspace_id}", BLOCKED)
        assert api("POST", f"/v1/messages/{failed[1]}/retry").status_code == 202
        wait_for(lambda: trying(api, failed[1], 2))
    assert [settled(api, failed[number])["status"] for number in (0, 2)] == ["SENT", "SENT"]
    wait_for(lambda: not stack.sql("SELECT 1 FROM retries WHERE row_id = ANY (%s)", failed))
    assert (found(api, status="FAILED"), len(message(api, failed[1])["attempts"])) == ([failed[1]], 2)
