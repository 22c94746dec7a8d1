"""What vendors report after they said yes: by their hooks, signed, late, twice, out of order, for parts, for what nobody sent."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import pytest
import requests
from client import Client
from messaging import message, say, trying
from recorder import Answer, Recorder
from reporting import (
    META_SECRET,
    REPORTING,
    meta_says,
    meta_signature,
    post,
    report,
    shows,
    subscribe,
    twilio_says,
    twilio_signature,
    whatsapp,
)  # fmt: skip
from stack import Stack, wait_for

STEPS = {
    "WHATSAPP": ("sent", "delivered", "read"), "MESSENGER": ("sent", "delivered", "read"), "INSTAGRAM": ("read",),
    "TWILIO": ("sent", "delivered", "read"),
}  # fmt: skip


def told(stack: Stack, api: Client, message_id: str) -> list[tuple[str, Any]]:
    """The names and states of the events about a message, in order."""
    rows = stack.sql("SELECT name, data FROM events WHERE workspace_id = %s ORDER BY seq", api.workspace_id)
    return [(name, data.get("state")) for name, data in rows if data.get("messageId") == message_id]


def sent(api: Client, vendors: Recorder, channel: str, *answers: Answer, text: str = "") -> tuple[dict[str, Any], str]:
    """A message, and a word that its requests have."""
    word = f"word{uuid4().hex}"
    vendors.script(word, *answers)
    return say(api, text or word, channel), word


def test_each_vendors_reports_show_how_far_a_message_got_and_are_told_once(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    for channel, steps in STEPS.items():
        hook = subscribe(api, channel)["hookUrl"]
        shown, word = sent(api, vendors, channel)
        assert (shown["status"], shown["delivery"]["state"], shown["delivery"]["error"]) == ("SENT", "accepted", None)
        [call] = vendors.asked(f"/{channel.lower()}", word)
        for state in (*steps, *reversed(steps), *steps):  # in order, backwards, and all of it twice
            assert report(hook, channel, call, shown["providerIds"][0], state).status_code == 200
            got = {"sent": "accepted"}.get(state, state)
            if got == "delivered":
                assert message(api, shown["id"])["delivery"]["state"] in ("delivered", "read")
        assert shows(api, shown["id"], status="SENT", delivery="read")["delivery"]["at"] is not None
        states = [state for state in ("delivered", "read") if state in steps]
        expected = [("message_sent", None), *(("message_delivered", state) for state in states)]
        assert told(stack, api, shown["id"]) == expected, channel


def test_only_the_vendors_signature_opens_a_hook(api: Client, vendors: Recorder) -> None:
    hooks = {channel: subscribe(api, channel) for channel in REPORTING}
    meta, twilio = hooks["WHATSAPP"], hooks["TWILIO"]["hookUrl"]
    shown, _ = sent(api, vendors, "WHATSAPP")
    said = whatsapp(shown["providerIds"][0], "read")
    assert meta_says(meta["hookUrl"], said, "another secret").status_code == 401
    for headers in ({}, {"X-Hub-Signature-256": ""}, {"X-Hub-Signature-256": "sha256=\xe4"}, meta_signature(b"{}")):
        assert post(meta["hookUrl"], b'{"entry": []}', headers).status_code == 401
    for headers in ({}, twilio_signature(twilio, {}), twilio_signature(twilio, {"a": "b"}, "another token")):
        assert post(twilio, b"a=b", headers | {"Content-Type": "application/x-www-form-urlencoded"}).status_code == 401
    host = urlsplit(twilio).netloc
    for form in (host.partition(":")[0], host):  # Twilio signs with the port, or without
        signature = twilio_signature(twilio.replace(host, form), {"a": "b"})
        assert (
            post(twilio, b"a=b", signature | {"Content-Type": "application/x-www-form-urlencoded"}).status_code == 200
        )
    assert message(api, shown["id"])["delivery"]["state"] == "accepted"
    for odd in (
        b"",
        b"[]",
        b'{"entry": [{"changes": [{"value": {"statuses": [7, {"id": []}]}}]}]}',
        b"\xff",
        b"[" * 9999,
    ):
        assert post(meta["hookUrl"], odd, meta_signature(odd)).status_code == 200, "signed, and about nothing of ours"
    assert meta_says(meta["hookUrl"], whatsapp("of-nobody", "failed", "msg_0/1/1", 131026)).status_code == 200
    large = b"x" * ((1 << 20) + 1)
    assert post(meta["hookUrl"], large, meta_signature(large)).status_code == 413
    for path in ("WHATSAPP/0123456789abcdef", f"MESSENGER/{meta['hookUrl'].rpartition('/')[2]}", "FAX/1"):
        assert post(f"{api.base_url}/v1/hooks/{path}", b"", meta_signature(b"")).status_code == 404, path
    assert api("DELETE", "/v1/channels/WHATSAPP").status_code == 204
    assert meta_says(meta["hookUrl"], said).status_code == 404


def test_a_burst_of_reports_waits_for_its_turn(api: Client, stack: Stack) -> None:
    hook = subscribe(api, "TWILIO")["hookUrl"]  # it sends a report that was refused no more
    with closing(psycopg2.connect(stack.env["DATABASE_URL"])) as slow, ThreadPoolExecutor(40) as pool:
        slow.cursor().execute("LOCK TABLE deliveries IN SHARE MODE")  # no report can be written
        burst = [pool.submit(twilio_says, hook, f"SM-burst-{number}", "delivered") for number in range(40)]
        time.sleep(1)
        slow.rollback()
        assert {answer.result(60).status_code for answer in burst} == {200}


def test_without_an_app_secret_no_report_is_believed_and_the_hook_stays_the_same(
    api: Client, vendors: Recorder
) -> None:
    credentials = {"accessToken": "t", "phoneNumberId": "1"}
    bare = api("PUT", "/v1/channels/WHATSAPP", json={"credentials": credentials}).json()
    assert meta_says(bare["hookUrl"], whatsapp("w", "read"), "").status_code == 401
    assert subscribe(api, "WHATSAPP") == bare
    assert meta_says(bare["hookUrl"], whatsapp("w", "read")).status_code == 200
    refused = api("PUT", "/v1/channels/TELEGRAM", json={"credentials": {"botToken": "1:t", "appSecret": "s"}})
    assert refused.json()["errors"][0]["field"] == "credentials.appSecret"


def test_meta_subscribes_with_the_verify_token_alone(api: Client) -> None:
    hook = subscribe(api, "MESSENGER")
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": hook["verifyToken"]}
    answer = requests.get(hook["hookUrl"], params=asked, timeout=40)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["Content-Type"].startswith("text/plain")
    for wrong in ("", "x", META_SECRET):
        refused = requests.get(hook["hookUrl"], params=asked | {"hub.verify_token": wrong}, timeout=40)
        assert (refused.status_code, "1158201444" in refused.text) == (401, False)
    assert requests.get(subscribe(api, "TWILIO")["hookUrl"], params=asked, timeout=40).status_code == 404


def test_a_temporary_failure_after_the_yes_goes_back_on_the_ladder_with_the_attempts_that_are_left(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    for channel, code in (("WHATSAPP", 131000), ("TWILIO", 30001)):
        hook = subscribe(api, channel)["hookUrl"]
        shown, word = sent(api, vendors, channel)
        [call] = vendors.asked(f"/{channel.lower()}", word)
        with stack.nothing_moves():
            for _ in range(2):
                assert report(hook, channel, call, shown["providerIds"][0], "failed", code).status_code == 200
        again = wait_for(lambda shown=shown: trying(api, shown["id"], 2))
        assert [a["outcome"] for a in again["attempts"]] == ["failed", "sent"]
        assert "after later messages" in again["attempts"][0]["error"]
        assert again["providerIds"] != shown["providerIds"]
        assert len(vendors.asked(f"/{channel.lower()}", word)) == 2
        assert stack.failures(shown["id"]) == 1, "the ladder goes on"
        names = [name for name, _ in told(stack, api, shown["id"])]
        assert names == ["message_sent", "message_sent"]
        assert report(hook, channel, call, shown["providerIds"][0], "failed", code).status_code == 200
        assert message(api, shown["id"])["status"] == "SENT", "what failed before is known"


def test_a_failure_an_hour_after_the_first_try_is_final(api: Client, stack: Stack, vendors: Recorder) -> None:
    hook = subscribe(api, "WHATSAPP")["hookUrl"]
    shown, word = sent(api, vendors, "WHATSAPP")
    stack.sql("UPDATE outbox SET give_up_at = now() - interval '1 second' WHERE row_id = %s", shown["id"])
    [call] = vendors.asked("/whatsapp", word)
    report(hook, "WHATSAPP", call, shown["providerIds"][0], "failed", 131000)
    failed = shows(api, shown["id"], status="FAILED", delivery="failed")
    assert "time for retries is over" in failed["error"]
    assert len(vendors.asked("/whatsapp", word)) == 1


def test_a_permanent_failure_after_the_yes_is_final_and_counted_and_can_be_retried(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    for channel, code, words in (
        ("WHATSAPP", 131026, "cannot deliver"),
        ("TWILIO", 30007, "filtered"),
        ("WHATSAPP", 424242, "424242"),
    ):
        hook = subscribe(api, channel)["hookUrl"]
        shown, word = sent(api, vendors, channel)
        [call] = vendors.asked(f"/{channel.lower()}", word)
        report(hook, channel, call, shown["providerIds"][0], "failed", code)
        failed = shows(api, shown["id"], status="FAILED", delivery="failed")
        assert words in failed["error"]
        assert failed["delivery"]["error"] == failed["error"] == failed["attempts"][0]["error"]
        assert told(stack, api, shown["id"]) == [("message_sent", None), ("message_failed", None)]
        assert api("POST", f"/v1/messages/{shown['id']}/retry").status_code == 202
        shows(api, shown["id"], status="SENT", delivery="accepted")
        assert len(vendors.asked(f"/{channel.lower()}", word)) == 2
    day = shown["createdAt"][:10]
    [figures] = api("GET", "/v1/analytics/daily", params={"from": day, "to": day}).json()["items"]
    assert (figures["messagesOut"], figures["messagesFailed"]) == (3, 0)


def test_a_failure_about_the_account_marks_the_channel(api: Client, stack: Stack, vendors: Recorder) -> None:
    hook = subscribe(api, "TWILIO")["hookUrl"]
    shown, word = sent(api, vendors, "TWILIO")
    [call] = vendors.asked("/twilio", word)
    report(hook, "TWILIO", call, shown["providerIds"][0], "failed", 30002)
    shows(api, shown["id"], status="FAILED")
    [channel] = api("GET", "/v1/channels").json()["items"]
    assert (channel["state"], channel["reason"]) == ("REFUSED", "This Twilio account is closed or suspended.")
    assert channel["since"] != shown["createdAt"]
    names = [n for (n,) in stack.sql("SELECT name FROM events WHERE workspace_id = %s ORDER BY seq", api.workspace_id)]
    assert names == ["message_sent", "channel_refused", "message_failed"]


@pytest.mark.parametrize("channel", ["WHATSAPP", "TWILIO", "MESSENGER"])
def test_an_unknown_try_is_settled_by_its_report_and_not_sent_again(
    channel: str, api: Client, stack: Stack, vendors: Recorder
) -> None:
    hook = subscribe(api, channel)["hookUrl"]
    with stack.nothing_moves():
        shown, word = sent(api, vendors, channel, Answer(silent=True))
        behind = say(api, f"behind {word[::-1]}", channel)
        assert [a["outcome"] for a in shown["attempts"]] == ["unknown"]
        assert behind["status"] == "RETRYING"
        [call] = vendors.asked(f"/{channel.lower()}", word)
        assert report(hook, channel, call, "id-of-the-lost-answer", "sent").status_code == 200
        settled = message(api, shown["id"])
        assert (settled["status"], settled["providerIds"]) == ("SENT", ["id-of-the-lost-answer"])
        assert [a["outcome"] for a in settled["attempts"]] == ["sent"]
    assert shows(api, behind["id"], status="SENT"), "its lane goes on"
    report(hook, channel, call, "id-of-the-lost-answer", "delivered")
    shows(api, shown["id"], delivery="delivered")
    assert len(vendors.asked(f"/{channel.lower()}", word)) == 1
    assert told(stack, api, shown["id"]) == [("message_sent", None), ("message_delivered", "delivered")]


def test_a_message_that_is_settled_while_it_waits_in_its_lane_holds_up_nobody_behind_it(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    hook = subscribe(api, "WHATSAPP")["hookUrl"]
    with stack.nothing_moves():
        lost, word = sent(api, vendors, "WHATSAPP", Answer(silent=True))
        stack.sql("UPDATE outbox SET state = 'failed' WHERE row_id = %s", lost["id"])
        stack.sql("UPDATE messages SET status = 'FAILED' WHERE id = %s", lost["id"])
        head, _ = sent(api, vendors, "WHATSAPP", Answer(500))
        assert api("POST", f"/v1/messages/{lost['id']}/retry").status_code == 202
        behind, _ = sent(api, vendors, "WHATSAPP")
        states = dict(stack.sql("SELECT row_id, state FROM outbox WHERE workspace_id = %s", api.workspace_id))
        assert [states[each["id"]] for each in (head, lost, behind)] == ["pending", "blocked", "blocked"]
        [call] = vendors.asked("/whatsapp", word)
        report(hook, "WHATSAPP", call, "id-of-the-lost-answer", "delivered")
        shows(api, lost["id"], status="SENT", delivery="delivered")
        later, _ = sent(api, vendors, "WHATSAPP")
        assert (later["status"], later["attempts"]) == ("RETRYING", []), "it does not overtake the head"
    for each in (head, behind, later):
        shows(api, each["id"], status="SENT")
    assert len(vendors.asked("/whatsapp", word)) == 1


def test_a_lost_try_that_failed_counts_once_and_one_that_failed_for_good_is_final(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    hook = subscribe(api, "WHATSAPP")["hookUrl"]
    with stack.nothing_moves():
        shown, word = sent(api, vendors, "WHATSAPP", Answer(silent=True))
        [call] = vendors.asked("/whatsapp", word)
        due = stack.due(shown["id"])
        report(hook, "WHATSAPP", call, "lost", "failed", 131000)
        assert stack.due(shown["id"]) == due, "the retry that it has is enough"
    again = shows(api, shown["id"], status="SENT")
    assert [a["outcome"] for a in again["attempts"]] == ["failed", "sent"]
    assert stack.failures(shown["id"]) == 1
    with stack.nothing_moves():
        shown, word = sent(api, vendors, "WHATSAPP", Answer(silent=True))
        [call] = vendors.asked("/whatsapp", word)
        report(hook, "WHATSAPP", call, "lost too", "failed", 131026)
    assert len(shows(api, shown["id"], status="FAILED")["attempts"]) == 1


def test_a_report_settles_a_message_that_had_been_given_up(api: Client, stack: Stack, vendors: Recorder) -> None:
    hook = subscribe(api, "WHATSAPP")["hookUrl"]
    with stack.nothing_moves():
        shown, word = sent(api, vendors, "WHATSAPP", Answer(silent=True))
        stack.sql("UPDATE outbox SET state = 'failed' WHERE row_id = %s", shown["id"])
        stack.sql("UPDATE messages SET status = 'FAILED', error = 'x' WHERE id = %s", shown["id"])
        [call] = vendors.asked("/whatsapp", word)
        report(hook, "WHATSAPP", call, "late", "delivered")
    settled = message(api, shown["id"])
    assert (settled["status"], settled["delivery"]["state"], settled["error"]) == ("SENT", "delivered", None)
    assert api("POST", f"/v1/messages/{shown['id']}/retry").status_code == 409


def test_of_a_message_in_parts_only_what_failed_is_sent_again_and_the_least_part_counts(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    hook = subscribe(api, "WHATSAPP")["hookUrl"]
    word = f"word{uuid4().hex}"
    text = "\n\n".join(f"{word} {number} " + "x" * 2500 for number in "123")
    shown = say(api, text, "WHATSAPP")
    calls, ids = vendors.asked("/whatsapp", word), shown["providerIds"]
    assert (shown["status"], len(calls), len(ids)) == ("SENT", 3, 3)
    for number in (0, 2):
        report(hook, "WHATSAPP", calls[number], ids[number], "read")
    assert message(api, shown["id"])["delivery"]["state"] == "accepted"
    report(hook, "WHATSAPP", calls[1], ids[1], "failed", 131000)
    again = wait_for(
        lambda: m if (m := message(api, shown["id"]))["providerIds"] != ids and m["status"] == "SENT" else None
    )
    assert [again["providerIds"][n] for n in (0, 2)] == [ids[0], ids[2]]
    last = vendors.asked("/whatsapp", word)[3:]
    assert [f"{word} 2" in call.json["text"]["body"] for call in last] == [True]
    report(hook, "WHATSAPP", last[0], again["providerIds"][1], "delivered")
    assert message(api, shown["id"])["delivery"]["state"] == "delivered"
    assert told(stack, api, shown["id"])[-1] == ("message_delivered", "delivered")


def test_a_report_that_comes_before_the_answer_counts_after_it(api: Client, stack: Stack, vendors: Recorder) -> None:
    hook = subscribe(api, "TWILIO")["hookUrl"]
    for state, code in (("delivered", 0), ("undelivered", 30001)):
        word = f"word{uuid4().hex}"
        vendors.script(word, Answer(201, {"sid": f"SM{word}"}, when=(answered := Event())))
        thread = Thread(target=lambda word=word: say(api, word, "TWILIO", word))
        thread.start()
        wait_for(lambda word=word: vendors.asked("/twilio", word))
        assert twilio_says(hook, f"SM{word}", state, code).status_code == 200, (
            "without our key: it is not in this address"
        )
        answered.set()
        thread.join()
        shown = api("GET", f"/v1/agents/{api.agent_id}/messages").json()["items"][0]
        if code:
            again = wait_for(lambda shown=shown: trying(api, shown["id"], 2))
            assert [a["outcome"] for a in again["attempts"]] == ["failed", "sent"]
        else:
            shows(api, shown["id"], status="SENT", delivery="delivered")
            assert [name for name, _ in told(stack, api, shown["id"])] == ["message_sent", "message_delivered"]
