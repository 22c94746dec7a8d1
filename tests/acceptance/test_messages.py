"""A message out: sent inside the request, or kept and tried again; and when it cannot arrive, why."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from client import OPERATOR_KEY, Client
from messaging import CREDENTIALS, put, say, settled, trying
from recorder import Answer, Recorder
from stack import Stack, wait_for

INTERVALS = (5, 20, 80, 320, 1280)


@pytest.mark.parametrize("channel", CREDENTIALS)
def test_a_message_is_sent_within_the_request(channel: str, api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, channel, vendors)
    word = f"word{uuid4().hex}"
    sent = say(api, f"Hello {word}", channel=channel)
    assert (sent["status"], sent["error"], sent["nextAttemptAt"]) == ("SENT", None, None)
    assert [(a["outcome"], a["httpStatus"], a["error"]) for a in sent["attempts"]] == [("sent", 200, None)]
    assert len(vendors.asked("/", word)) == 1
    assert len(sent["providerIds"]) == (0 if channel == "WEBHOOK" else 1)
    assert api("GET", f"/v1/messages/{sent['id']}").json() == sent
    assert api("GET", f"/v1/agents/{api.agent_id}/messages", params={"status": "SENT"}).json()["items"] == [sent]
    told = "SELECT name, data->>'messageId' FROM events WHERE workspace_id = %s"
    assert stack.sql(told, api.workspace_id) == [("message_sent", sent["id"])]


def test_a_failing_vendor_is_tried_after_5_20_80_320_and_1280_seconds_and_then_the_message_is_failed(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, *[Answer(500)] * 6)
    with stack.nothing_moves() as move:
        failed = say(api, word)
        for attempt, interval in enumerate(INTERVALS, 1):
            shown = wait_for(lambda n=attempt: trying(api, failed["id"], n))
            assert shown["status"] == "RETRYING"
            assert "Telegram is having trouble" in shown["error"]
            due = datetime.fromisoformat(shown["nextAttemptAt"]).timestamp()
            assert interval - 1 <= due - vendors.asked("/telegram", word)[-1].at < interval + 5
            assert stack.failures(failed["id"]) == attempt
            move(failed["id"])
    final = settled(api, failed["id"])
    assert (final["status"], final["nextAttemptAt"], len(final["attempts"])) == ("FAILED", None, 6)
    job = stack.payload(failed["id"])
    assert (job["args"], job["kwargs"]["content"]) == ([failed["id"]], word)
    assert stack.job(failed["id"])[b"retries_left"] == b"0"
    assert len(vendors.asked("/telegram", word)) == 6
    listed = api("GET", f"/v1/agents/{api.agent_id}/messages", params={"status": "FAILED"}).json()["items"]
    assert [m["id"] for m in listed] == [failed["id"]]
    events = stack.sql(
        "SELECT data->>'messageId' FROM events WHERE name = 'message_failed' AND workspace_id = %s", api.workspace_id
    )
    assert events == [(failed["id"],)]


def test_a_permanent_failure_stops_at_once_with_a_sentence_and_holds_no_other_customer(
    api: Client, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(403, {"ok": False, "error_code": 403}))
    blocked = say(api, word)
    assert (blocked["status"], len(blocked["attempts"])) == ("FAILED", 1)
    assert "blocked" in blocked["error"]
    assert say(api, "Hello", customer="another")["status"] == "SENT"


def test_a_bad_credential_fails_the_next_messages_fast_until_new_ones_are_put(api: Client, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(401, {"ok": False, "error_code": 401}))
    refused = say(api, word)
    assert refused["status"] == "FAILED"
    assert [c["state"] for c in api("GET", "/v1/channels").json()["items"]] == ["REFUSED"]
    fast = say(api, f"Next {word}", customer="another")
    assert (fast["status"], fast["error"], fast["attempts"]) == ("FAILED", refused["error"], [])
    assert len(vendors.asked("/telegram", word)) == 1
    put(api, "TELEGRAM", vendors)
    assert say(api, "Again")["status"] == "SENT"
    assert [c["state"] for c in api("GET", "/v1/channels").json()["items"]] == ["ACTIVE"]


def test_an_answer_that_was_lost_is_unknown_and_is_sent_again_with_the_same_key(api: Client, vendors: Recorder) -> None:
    put(api, "LINE", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(
        word, Answer(silent=True), Answer(409, {"message": "already accepted", "sentMessages": [{"id": "7"}]})
    )
    unknown = say(api, word, channel="LINE")
    assert unknown["status"] == "RETRYING"
    assert [a["outcome"] for a in unknown["attempts"]] == ["unknown"]
    sent = settled(api, unknown["id"])
    assert (sent["status"], sent["providerIds"]) == ("SENT", ["7"])
    assert [a["outcome"] for a in sent["attempts"]] == ["unknown", "sent"]
    keys = {r.headers["x-line-retry-key"] for r in vendors.asked("/line", word)}
    assert len(keys) == 1


def test_a_failed_message_can_be_sent_again_once_and_what_was_sent_of_it_does_not_make_it_look_sent(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "DISCORD", vendors)
    word = f"word{uuid4().hex}"
    text = "\n\n".join(f"{word} {n} " + "x" * 1500 for n in range(2))
    vendors.script(f"{word} 1", Answer(403, {"code": 50007}), Answer(500))
    failed = say(api, text, channel="DISCORD")
    assert (failed["status"], len(failed["providerIds"])) == ("FAILED", 1)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: api("POST", f"/v1/messages/{failed['id']}/retry"), range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    [shown] = [answer.json() for answer in answers if answer.status_code == 202]
    assert (shown["status"], shown["error"]) == ("RETRYING", None)
    assert wait_for(lambda: trying(api, failed["id"], 2))["status"] == "RETRYING"
    sent = settled(api, failed["id"])
    assert sent["status"] == "SENT"
    assert [r.json["content"].split()[1] for r in vendors.asked("/discord", word)] == ["0", "1", "1", "1"]
    assert len({r.json["nonce"] for r in vendors.asked("/discord", word)}) == 2, "the same keys at every attempt"
    assert api("POST", f"/v1/messages/{failed['id']}/retry").status_code == 409


def test_no_attempt_begins_an_hour_after_the_first(api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(500))
    late = say(api, word)
    [(first_attempt, give_up)] = stack.sql(
        "SELECT at, give_up_at FROM message_attempts JOIN outbox ON row_id = message_id WHERE message_id = %s",
        late["id"],
    )
    assert give_up - first_attempt == timedelta(hours=1)
    stack.sql("UPDATE outbox SET give_up_at = now() - interval '1 second' WHERE row_id = %s", late["id"])
    failed = settled(api, late["id"])
    assert (failed["status"], len(failed["attempts"])) == ("FAILED", 1)
    assert "within an hour" in failed["error"]
    again = api("POST", f"/v1/messages/{late['id']}/retry")
    assert again.status_code == 202
    assert settled(api, late["id"])["status"] == "SENT", "a replay has a new hour"


def test_the_same_idempotency_key_sends_one_message(api: Client, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    key = {"Idempotency-Key": uuid4().hex}
    body = {"channelType": "TELEGRAM", "customerId": "customer", "content": word}
    path = f"/v1/agents/{api.agent_id}/messages"
    first = api("POST", path, json=body, headers=key)
    again = api("POST", path, json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert api("POST", path, json={**body, "content": "other"}, headers=key).status_code == 422
    with ThreadPoolExecutor(4) as pool:
        twin = {"Idempotency-Key": uuid4().hex}
        answers = list(
            pool.map(lambda _: api("POST", path, json={**body, "content": f"twin {word}"}, headers=twin), range(4))
        )
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["id"] for a in answers}) == 1
    assert len(vendors.asked("/telegram", f"twin {word}")) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"channelType": "FAX"}, "channelType"),
        ({"channelType": "SLACK"}, "channelType"),
        ({"customerId": ""}, "customerId"),
        ({"content": ""}, "content"),
        ({"content": " \n "}, "content"),
        ({"content": 7}, "content"),
        ({"extra": 1}, "extra"),
    ],
)
def test_bad_input_names_its_field_and_sends_nothing(
    change: dict[str, Any], field: str, api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    body = {"channelType": "TELEGRAM", "customerId": "customer", "content": "x", **change}
    answer = api("POST", f"/v1/agents/{api.agent_id}/messages", json=body)
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == [field]
    assert stack.sql("SELECT count(*) FROM messages WHERE workspace_id = %s", api.workspace_id) == [(0,)]


def test_another_workspaces_messages_are_not_there(api: Client, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    mine = say(api, "Mine")
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
    assert other("GET", f"/v1/messages/{mine['id']}").status_code == 404
    assert other("POST", f"/v1/messages/{mine['id']}/retry").status_code == 404
    assert other("GET", f"/v1/agents/{api.agent_id}/messages").status_code == 404
    body = {"channelType": "TELEGRAM", "customerId": "customer", "content": "x"}
    assert other("POST", f"/v1/agents/{api.agent_id}/messages", json=body).status_code == 404
