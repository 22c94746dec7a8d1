"""What is paused is kept, in its order and with its attempts, and done when it is resumed."""

from datetime import datetime
from typing import Any

from client import OPERATOR_KEY, Client
from messaging import message, put, say, settled, trying
from recorder import Answer, Recorder
from stack import Stack, wait_for

from runner.dispatch import push, take
from runner.registry import JOBS


def pause(api: Client, key: str | None = None, **what: str) -> str:
    answer = api("POST", "/v1/pauses", key=key, json={"reason": "Maintenance.", **what})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def resume(api: Client, pause_id: str, key: str | None = None) -> None:
    assert api("DELETE", f"/v1/pauses/{pause_id}", key=key).status_code == 204


def channel(api: Client, kind: str) -> dict[str, Any]:
    return next(dict(shown) for shown in api("GET", "/v1/channels").json()["items"] if shown["type"] == kind)


def test_messages_of_a_paused_channel_wait_and_go_in_order_when_it_is_resumed(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    put(api, "LINE", vendors)
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
    put(other, "TELEGRAM", vendors)
    pause_id = pause(api, channelType="TELEGRAM")
    held = [say(api, f"{number} of {api.workspace_id}") for number in range(3)]
    assert [(m["status"], m["attempts"], m["nextAttemptAt"]) for m in held] == [("RETRYING", [], None)] * 3
    shown = channel(api, "TELEGRAM")
    assert (shown["state"], shown["reason"]) == ("PAUSED", "Maintenance.")
    assert [p["since"] for p in api("GET", "/v1/pauses").json()["items"]] == [shown["since"]]
    assert channel(api, "LINE")["state"] == channel(other, "TELEGRAM")["state"] == "ACTIVE"
    assert say(api, "On.", "LINE")["status"] == say(other, "On.")["status"] == "SENT"
    assert not take(JOBS["webhook_retry.retry_send"], api.workspace_id)
    assert other("DELETE", f"/v1/pauses/{pause_id}").status_code == 404
    resume(api, pause_id)
    assert [len(settled(api, m["id"])["attempts"]) for m in held] == [1, 1, 1]
    sent = [request.json["text"] for request in vendors.asked("/telegram", api.workspace_id)]
    assert sent == [f"{number} of {api.workspace_id}" for number in range(3)]
    assert channel(api, "TELEGRAM")["state"] == "ACTIVE" and api("GET", "/v1/pauses").json()["items"] == []


def test_a_retry_waits_too_and_the_pause_does_not_count_toward_its_hour(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"of {api.workspace_id}"
    vendors.script(word, Answer(500))
    made = say(api, word)
    with stack.nothing_moves():
        job, rows = stack.take(made["id"])  # dispatched just before the pause, which its job in Redis does not know of
        pause_id = pause(api, channelType="TELEGRAM")
        push(job, rows)
        stack.sql("UPDATE pauses SET since = since - interval '50 minutes' WHERE id = %s", pause_id)
        ends = stack.sql("SELECT extract(epoch FROM give_up_at) FROM outbox WHERE row_id = %s", made["id"])[0][0]
        wait_for(lambda: not stack.redis.llen("rq:queue:webhook-retry"))
        assert not take(job, api.workspace_id)
        assert len(message(api, made["id"])["attempts"]) == 1
        resume(api, pause_id)
        later = stack.sql("SELECT extract(epoch FROM give_up_at) FROM outbox WHERE row_id = %s", made["id"])[0][0]
        assert 3000 <= later - ends < 3300
    assert settled(api, made["id"])["status"] == "SENT" and trying(api, made["id"], 2)


def test_of_two_pauses_at_the_same_time_each_moment_counts_once(api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    vendors.script(f"of {api.workspace_id}", Answer(500))
    made = say(api, f"of {api.workspace_id}")
    first, second = pause(api, channelType="TELEGRAM"), pause(api, OPERATOR_KEY, queue="webhook-retry")
    try:
        for minutes, pause_id in ((30, first), (20, second)):
            stack.sql("UPDATE pauses SET since = since - %s * interval '1 minute' WHERE id = %s", minutes, pause_id)
        ends = stack.sql("SELECT give_up_at FROM outbox WHERE row_id = %s", made["id"])[0][0]
        resume(api, first)
        assert channel(api, "TELEGRAM")["state"] == "PAUSED"
        between = stack.sql("SELECT give_up_at FROM outbox WHERE row_id = %s", made["id"])[0][0]
    finally:
        resume(api, second, OPERATOR_KEY)
    after = stack.sql("SELECT give_up_at FROM outbox WHERE row_id = %s", made["id"])[0][0]
    assert (minutes_of(ends, between), minutes_of(between, after)) == (10, 20)


def minutes_of(begin: datetime, end: datetime) -> int:
    return int((end - begin).total_seconds() // 60)


def test_the_operator_pauses_a_queue(api: Client, stack: Stack) -> None:
    pause_id = pause(api, OPERATOR_KEY, queue="email")
    try:
        again = api("POST", "/v1/pauses", key=OPERATOR_KEY, json={"queue": "email", "reason": "A move."})
        assert (again.status_code, again.json()["id"], again.json()["reason"]) == (200, pause_id, "A move.")
        assert pause_id in [p["id"] for p in api("GET", "/v1/pauses", key=OPERATOR_KEY).json()["items"]]
        assert api("GET", "/v1/pauses").json()["items"] == []
        assert api("DELETE", f"/v1/pauses/{pause_id}").status_code == 404
        body = {"channelType": "TELEGRAM", "customerId": "customer", "reason": "Asked for a person."}
        assert api("POST", f"/v1/agents/{api.agent_id}/handoffs", json=body).status_code == 201
        assert not take(JOBS["email.send"], api.workspace_id)
        [mail] = api("GET", "/v1/emails").json()["items"]
        assert (mail["status"], mail["attempts"]) == ("PENDING", 0)
    finally:
        resume(api, pause_id, OPERATOR_KEY)
    [mail] = wait_for(lambda: api("GET", "/v1/emails?status=SENT").json()["items"])
    assert mail["attempts"] == 1


def test_what_cannot_be_paused_is_refused_in_words(api: Client) -> None:
    for body, key, status, word in (
        ({"queue": "email"}, api.key, 403, "operator"),
        ({"queue": "none"}, OPERATOR_KEY, 422, "queue"),
        ({"channelType": "LINE"}, OPERATOR_KEY, 422, "channelType"),
        ({"channelType": "LINE", "queue": "email"}, OPERATOR_KEY, 422, "queue"),
        ({}, api.key, 422, "channelType"),
        ({"channelType": "FAX"}, api.key, 422, "channelType"),
    ):
        answer = api("POST", "/v1/pauses", key=key, json={"reason": "Maintenance.", **body})
        assert answer.status_code == status and word in answer.json()["detail"], (body, answer.text)
    assert api("POST", "/v1/pauses", json={"channelType": "LINE"}).status_code == 422, "a reason is needed"
