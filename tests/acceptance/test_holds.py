"""A vendor's wait holds the whole account: what was pending, what is under way, what comes later; new credentials end it."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from client import Client
from messaging import message, put, say, settled
from recorder import Answer, Recorder
from stack import Stack, wait_for


def limited(seconds: float) -> Answer:
    return Answer(429, {"ok": False, "error_code": 429, "parameters": {"retry_after": seconds}})


def next_at(shown: dict[str, Any]) -> float:
    return datetime.fromisoformat(shown["nextAttemptAt"]).timestamp()


@contextmanager
def under_way(api: Client, vendors: Recorder, text: str, answer: Answer) -> Iterator[Future[dict[str, Any]]]:
    """A message whose first attempt the vendor has before it; at the end of the block it gets this answer."""
    answer.when = Event()
    vendors.script(text, answer)
    with ThreadPoolExecutor(1) as pool:
        shown = pool.submit(lambda: say(api, text, customer="slow"))
        wait_for(lambda: vendors.asked("/telegram", text))
        yield shown
        answer.when.set()


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        (Answer(429, {"ok": False, "error_code": 429, "parameters": {"retry_after": 90}}), 90),
        (Answer(429, {"ok": False}, {"retry-after": "7"}), 7),
        (Answer(429, {"ok": False}, {"retry-after-ms": "1500"}), 1.5),
    ],
)
def test_a_vendors_wait_is_kept_to_the_second_costs_no_attempt_and_holds_the_account(
    answer: Answer, asked: float, api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    put(api, "SLACK", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, answer)
    waits = say(api, word)
    at = vendors.asked("/telegram", word)[0].at
    due = datetime.fromisoformat(waits["nextAttemptAt"]).timestamp()
    assert asked <= due - at <= asked + 3
    assert stack.sql("SELECT failures FROM outbox WHERE row_id = %s", waits["id"]) == [(0,)]
    if asked < 10:
        assert settled(api, waits["id"])["status"] == "SENT"
        assert asked <= vendors.asked("/telegram", word)[1].at - at
        return
    held = say(api, f"Held {word}", customer="another")
    assert (held["status"], held["attempts"]) == ("RETRYING", [])
    assert datetime.fromisoformat(held["nextAttemptAt"]).timestamp() == pytest.approx(due, abs=1)
    assert say(api, "Free", channel="SLACK")["status"] == "SENT"


def test_more_than_half_an_hours_wait_is_a_failure_that_says_so(api: Client, vendors: Recorder) -> None:
    put(api, "SLACK", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(429, {"ok": False, "error": "ratelimited"}, {"retry-after": "1900"}))
    failed = say(api, word, channel="SLACK")
    assert failed["status"] == "FAILED"
    assert "30 minutes" in failed["error"]


def test_a_pair_limit_holds_that_customer_alone(api: Client, vendors: Recorder) -> None:
    put(api, "WHATSAPP", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(400, {"error": {"code": 131056}}))
    limited = say(api, word, channel="WHATSAPP")
    assert limited["status"] == "RETRYING"
    assert say(api, "Hello", channel="WHATSAPP", customer="another")["status"] == "SENT"
    assert say(api, "Next", channel="WHATSAPP")["status"] == "RETRYING"
    assert settled(api, limited["id"])["status"] == "SENT"


def test_a_replay_starts_the_pair_limits_waits_over(api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, "WHATSAPP", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(400, {"error": {"code": 131026}}), Answer(400, {"error": {"code": 131056}}))
    failed = say(api, word, channel="WHATSAPP")
    for number in range(6):
        stack.sql(
            "INSERT INTO message_attempts VALUES (%s, %s, now() - interval '2 hours', 1, 'failed')",
            failed["id"],
            -1 - number,
        )
    assert api("POST", f"/v1/messages/{failed['id']}/retry").status_code == 202
    assert settled(api, failed["id"])["status"] == "SENT"


def test_what_was_pending_when_a_hold_came_goes_after_it_and_not_before(api: Client, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(f"{word} pending", Answer(500))
    vendors.script(f"{word} limited", limited(7))
    pending = say(api, f"{word} pending", customer="first")
    say(api, f"{word} limited", customer="second")
    held = say(api, f"{word} held", customer="third")
    asked_at = vendors.asked("/telegram", f"{word} limited")[0].at
    for shown in (pending, held):
        assert settled(api, shown["id"])["status"] == "SENT"
    later = [r.at for r in vendors.asked("/telegram", word) if r.at > asked_at]
    assert len(later) == 3
    assert min(later) >= asked_at + 7


def test_a_hold_of_more_than_30_minutes_fails_the_next_ones_and_new_credentials_end_it(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, limited(30_000))
    assert say(api, word)["status"] == "FAILED"
    failed = say(api, f"Next {word}", customer="another")
    assert (failed["status"], failed["attempts"]) == ("FAILED", [])
    assert "longer than 30 minutes" in failed["error"]
    assert len(vendors.asked("/telegram", word)) == 1
    put(api, "TELEGRAM", vendors)
    assert say(api, word)["status"] == "SENT"


def test_a_hold_beyond_a_messages_hour_fails_it_at_the_hours_end(api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(f"{word} old", Answer(500))
    vendors.script(f"{word} limited", limited(600))
    with stack.nothing_moves():
        old = say(api, f"{word} old")
        stack.sql("UPDATE outbox SET give_up_at = now() + interval '20 seconds' WHERE row_id = %s", old["id"])
        say(api, f"{word} limited", customer="another")
        shown = message(api, old["id"])
        [(give_up_at,)] = stack.sql("SELECT give_up_at FROM outbox WHERE row_id = %s", old["id"])
        assert datetime.fromisoformat(shown["nextAttemptAt"]).timestamp() <= give_up_at.timestamp() + 1
        stack.sql("UPDATE outbox SET due_at = now(), give_up_at = now() WHERE row_id = %s", old["id"])
    failed = settled(api, old["id"])
    assert failed["status"] == "FAILED"
    assert "within an hour" in failed["error"]


def test_what_is_pending_when_a_hold_comes_and_what_is_behind_it_say_when_they_can_go_and_are_not_dispatched_before(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(f"{word} pending", Answer(500))
    vendors.script(f"{word} limited", limited(7))
    pending, behind = (say(api, f"{word} {which}", customer="first") for which in ("pending", "behind"))
    until = next_at(say(api, f"{word} limited", customer="second"))
    for shown in (pending, behind):
        assert next_at(message(api, shown["id"])) == pytest.approx(until, abs=1)
    for shown in (pending, behind):
        assert settled(api, shown["id"])["status"] == "SENT"
        runs = [line for line in stack.lines(event="job", outcome="released") if shown["id"] in line["id"]]
        assert not runs, "no worker looked at it in vain"


def test_an_attempt_under_way_when_a_hold_comes_is_not_repeated_before_its_end(api: Client, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(f"{word} limited", limited(10))
    with under_way(api, vendors, f"{word} slow", Answer(500)) as slow:
        say(api, f"{word} limited")
    assert slow.result()["status"] == "RETRYING"
    sent = settled(api, slow.result()["id"])
    assert (sent["status"], len(sent["attempts"])) == ("SENT", 2)
    assert vendors.asked("/telegram", f"{word} slow")[1].at >= vendors.asked("/telegram", f"{word} limited")[0].at + 10


def test_a_shorter_wait_does_not_end_a_longer_one(api: Client, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(f"{word} limited", limited(90))
    with under_way(api, vendors, f"{word} slow", limited(1)) as slow:
        until = next_at(say(api, f"{word} limited"))
    slow.result()
    held = say(api, "Held", customer="another")
    assert (held["status"], held["attempts"]) == ("RETRYING", [])
    assert next_at(held) == pytest.approx(until, abs=1)


@pytest.mark.parametrize("answer", [limited(90), Answer(401, {"ok": False, "error_code": 401})])
def test_what_a_vendor_says_to_old_credentials_does_not_concern_new_ones(
    answer: Answer, api: Client, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(f"{word[::-1]} pending", Answer(500))
    pending = say(api, f"{word[::-1]} pending", customer="third")
    with under_way(api, vendors, word, answer) as slow:
        put(api, "TELEGRAM", vendors)
    assert slow.result()["status"] != "SENT"
    assert settled(api, pending["id"])["status"] == "SENT", "it is not put off"
    assert say(api, "Hello", customer="another")["status"] == "SENT"
    assert [c["state"] for c in api("GET", "/v1/channels").json()["items"]] == ["ACTIVE"]


def test_new_credentials_let_go_all_that_a_hold_kept_the_message_that_met_it_too(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(f"{word} old", Answer(500))
    vendors.script(f"{word} limited", limited(900))
    with stack.nothing_moves():
        old = say(api, f"{word} old", customer="first")
        stack.sql("UPDATE outbox SET give_up_at = now() + interval '10 minutes' WHERE row_id = %s", old["id"])
        limits = say(api, f"{word} limited")
        behind, held = say(api, f"{word} behind"), say(api, f"{word} held", customer="another")
        put(api, "TELEGRAM", vendors)
    for shown in (old, limits, behind, held):
        assert settled(api, shown["id"])["status"] == "SENT"
    sent = [r.json["text"] for r in vendors.asked("/telegram", word) if r.json["chat_id"] == "customer"]
    assert sent == [f"{word} limited"] * 2 + [f"{word} behind"]


def test_what_waits_for_a_channel_fails_and_says_so_when_it_is_removed(api: Client, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, limited(900))
    limits, held = say(api, word), say(api, "Held", customer="another")
    assert api("DELETE", "/v1/channels/TELEGRAM").status_code == 204
    for shown in (limits, held):
        failed = settled(api, shown["id"])
        assert failed["status"] == "FAILED"
        assert "removed" in failed["error"]
