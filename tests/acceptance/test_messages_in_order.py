"""What one customer is sent arrives in order: message after message, part after part, and nobody waits for another."""

import threading
import time
from uuid import uuid4

from client import Client
from messaging import message, put, say, settled, trying
from ops import ops
from recorder import Answer, Recorder
from stack import Stack, wait_for


def test_messages_to_one_customer_never_overtake_and_others_are_not_held(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(f"{word} 0", Answer(500), Answer(500))
    first = say(api, f"{word} 0")
    waiting = [say(api, f"{word} {n}") for n in range(1, 5)]
    for message_ in waiting:
        assert (message_["status"], message_["attempts"]) == ("RETRYING", [])
        assert message_["nextAttemptAt"] >= first["nextAttemptAt"]
    assert say(api, f"{word} other", customer="another")["status"] == "SENT"
    for attempts in (1, 2):
        wait_for(lambda n=attempts: trying(api, first["id"], n))
        stack.hurry(first["id"])
    for shown in (first, *waiting):
        assert settled(api, shown["id"])["status"] == "SENT"
    sent = [r.json["text"] for r in vendors.asked("/telegram", word) if r.json["chat_id"] == "customer"]
    assert sent == [f"{word} 0"] * 3 + [f"{word} {n}" for n in range(1, 5)]


def test_the_next_in_line_goes_when_the_one_before_it_fails_for_good(api: Client, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(f"{word} 0", Answer(500), Answer(400, {"ok": False, "error_code": 400}))
    first, second = say(api, f"{word} 0"), say(api, f"{word} 1")
    assert second["status"] == "RETRYING"
    assert settled(api, first["id"])["status"] == "FAILED"
    assert settled(api, second["id"])["status"] == "SENT"


def test_of_a_long_text_only_the_missing_parts_are_sent_again_in_order(api: Client, vendors: Recorder) -> None:
    put(api, "DISCORD", vendors)
    word = f"word{uuid4().hex}"
    text = "\n\n".join(f"{word} {n} " + "x" * 1500 for n in range(3))
    vendors.script(f"{word} 1", Answer(500))
    split = say(api, text, channel="DISCORD")
    assert (split["status"], len(split["providerIds"])) == ("RETRYING", 1)
    sent = settled(api, split["id"])
    assert (sent["status"], len(sent["providerIds"])) == ("SENT", 3)
    asked = vendors.asked("/discord", word)
    assert [r.json["content"].split()[1] for r in asked] == ["0", "1", "1", "2"]
    assert len({r.json["nonce"] for r in asked}) == 3
    assert all(len(r.json["content"]) <= 2000 for r in asked)


def test_a_text_of_many_slow_parts_is_snoozed_in_time_and_no_part_is_sent_twice(api: Client, vendors: Recorder) -> None:
    put(api, "DISCORD", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, *[Answer(delay_seconds=2.6)] * 4)
    long = say(api, "\n\n".join(f"{word} {n} " + "x" * 1500 for n in range(6)), channel="DISCORD")
    assert 1 < len(long["providerIds"]) < 6
    assert long["attempts"][0]["outcome"] == "sent"  # a worker may have begun with the others
    assert "the others follow" in long["attempts"][0]["error"]
    assert settled(api, long["id"])["status"] == "SENT"
    assert [r.json["content"].split()[1] for r in vendors.asked("/discord", word)] == list("012345")


def test_what_waited_in_line_behind_a_refused_token_fails_too_and_an_operator_sends_all_of_it_again(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(f"{word} 0", Answer(500), Answer(401, {"ok": False, "error_code": 401}))
    first, waiting = say(api, f"{word} 0"), say(api, f"{word} 1")
    assert settled(api, first["id"])["status"] == "FAILED"
    assert settled(api, waiting["id"])["error"] == message(api, first["id"])["error"]
    fast = say(api, f"{word} 2", customer="another")
    assert (fast["status"], fast["attempts"]) == ("FAILED", [])
    listed = ops("failed", "--queue", "webhook-retry").stdout
    for shown in (first, waiting, fast):
        assert shown["id"] in listed
    put(api, "TELEGRAM", vendors)
    for shown in (first, waiting, fast):
        assert ops("retry", "--id", shown["id"]).returncode == 0
        assert settled(api, shown["id"])["status"] == "SENT"
    sent = [r.json["text"] for r in vendors.asked("/telegram", word) if r.json["chat_id"] == "customer"]
    assert sent == [f"{word} 0"] * 3 + [f"{word} 1"]


def test_a_message_that_finds_no_place_in_the_request_is_sent_by_a_worker_at_once(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, *[Answer(when=(answered := threading.Event()))] * 40)
    answers: list[dict[str, object]] = []
    asking = [
        threading.Thread(target=lambda n=n: answers.append(say(api, f"{word} {n}", customer=f"c{n}")))
        for n in range(24)
    ]
    for thread in asking:
        thread.start()
    wait_for(lambda: len(answers) >= 24 - 2 * 8)  # those that found none
    answered.set()
    for thread in asking:
        thread.join()
    assert {a["status"] for a in answers} <= {"SENT", "RETRYING"}
    assert sum(not a["attempts"] for a in answers) >= 24 - 2 * 8, "two processes with eight places each"
    for shown in answers:
        assert settled(api, str(shown["id"]))["status"] == "SENT"
    assert trying(api, str(answers[0]["id"]), 1)


def test_while_redis_is_wiped_again_and_again_every_message_arrives_in_order(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    for customer in "abc":
        vendors.script(f"{word} {customer} 0", Answer(500))
    said = [say(api, f"{word} {customer} {n}", customer=customer) for n in range(4) for customer in "abc"]
    for _ in range(3):
        stack.redis.flushall()
        time.sleep(1)
    for shown in said:
        assert settled(api, shown["id"])["status"] == "SENT"
    for customer in "abc":
        texts = [r.json["text"] for r in vendors.asked("/telegram", f"{word} {customer}")]
        assert list(dict.fromkeys(texts)) == [f"{word} {customer} {n}" for n in range(4)]
