"""Waits that concern a whole account, tries that end half-way, and what an operator sees of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from datetime import datetime
from uuid import uuid4

from client import Client
from messaging import SECRET, message, put, say, settled, trying
from recorder import Answer, Recorder
from stack import Stack, wait_for


def limited(seconds: float) -> Answer:
    return Answer(429, {"ok": False, "error_code": 429, "parameters": {"retry_after": seconds}})


def test_what_was_pending_when_a_hold_came_goes_after_it_and_not_before(api: Client, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(f"{word} pending", Answer(500))
    vendors.script(f"{word} limited", limited(9))
    pending = say(api, f"{word} pending", customer="first")
    say(api, f"{word} limited", customer="second")
    held = say(api, f"{word} held", customer="third")
    asked_at = vendors.asked("/telegram", f"{word} limited")[0].at
    for shown in (pending, held):
        assert settled(api, shown["id"])["status"] == "SENT"
    later = [r.at for r in vendors.asked("/telegram", word) if r.at > asked_at]
    assert len(later) == 3
    assert min(later) >= asked_at + 9


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


def test_new_credentials_let_go_what_a_hold_kept(api: Client, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(f"{word} limited", limited(900))
    say(api, f"{word} limited")
    held = say(api, f"{word} held", customer="another")
    assert held["status"] == "RETRYING"
    put(api, "TELEGRAM", vendors)
    assert settled(api, held["id"])["status"] == "SENT"


def test_a_hold_beyond_a_messages_hour_fails_it_at_the_hours_end(api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(f"{word} old", Answer(500))
    vendors.script(f"{word} limited", limited(600))
    with stack.nothing_moves():
        old = say(api, f"{word} old")
        stack.sql("UPDATE work SET give_up_at = now() + interval '20 seconds' WHERE row_id = %s", old["id"])
        say(api, f"{word} limited", customer="another")
        shown = message(api, old["id"])
        [(give_up_at,)] = stack.sql("SELECT give_up_at FROM work WHERE row_id = %s", old["id"])
        assert datetime.fromisoformat(shown["nextAttemptAt"]).timestamp() <= give_up_at.timestamp() + 1
        stack.sql("UPDATE work SET due_at = now(), give_up_at = now() WHERE row_id = %s", old["id"])
    failed = settled(api, old["id"])
    assert failed["status"] == "FAILED"
    assert "within an hour" in failed["error"]


def test_a_text_of_many_slow_parts_is_put_down_in_time_and_no_part_is_sent_twice(
    api: Client, vendors: Recorder
) -> None:
    put(api, "DISCORD", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, *[Answer(delay_seconds=2.6)] * 4)
    long = say(api, "\n\n".join(f"{word} {n} " + "x" * 1500 for n in range(6)), channel="DISCORD")
    assert 1 < len(long["providerIds"]) < 6
    assert [a["outcome"] for a in long["attempts"]] == ["sent"]
    assert "the others follow" in long["attempts"][0]["error"]
    assert settled(api, long["id"])["status"] == "SENT"
    assert [r.json["content"].split()[1] for r in vendors.asked("/discord", word)] == list("012345")


def test_a_replay_starts_the_pair_limits_waits_over(api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, "WHATSAPP", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(400, {"error": {"code": 131026}}), Answer(400, {"error": {"code": 131056}}))
    failed = say(api, word, channel="WHATSAPP")
    for number in range(6):
        stack.sql(
            "INSERT INTO message_attempts (id, message_id, at, outcome) VALUES (%s, %s, now() - interval '2 hours', 'failed')",
            f"try_{failed['id']}{number}",
            failed["id"],
        )
    assert api("POST", f"/v1/messages/{failed['id']}/retry").status_code == 202
    assert settled(api, failed["id"])["status"] == "SENT"


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
    listed = ops(stack, "failed", "--queue", "webhook-retry").stdout
    for shown in (first, waiting, fast):
        assert shown["id"] in listed
    put(api, "TELEGRAM", vendors)
    for shown in (first, waiting, fast):
        assert ops(stack, "retry", "retry_send", shown["id"]).returncode == 0
        assert settled(api, shown["id"])["status"] == "SENT"
    sent = [r.json["text"] for r in vendors.asked("/telegram", word) if r.json["chat_id"] == "customer"]
    assert sent == [f"{word} 0"] * 3 + [f"{word} 1"]


def test_while_a_lease_lasts_no_sweep_and_no_other_worker_sends_the_message(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(500), Answer(delay_seconds=5))
    slow = say(api, word)
    wait_for(lambda: len(vendors.asked("/telegram", word)) == 2)
    sweep = "from jobs.sweep import sweep; from jobs.ring import ring_due; sweep(); ring_due('retry_send', '%s')"
    subprocess.run([sys.executable, "-c", sweep % api.workspace_id], cwd=stack.root, env=stack.env, check=True)
    assert message(api, slow["id"])["status"] == "SENDING"
    sent = settled(api, slow["id"])
    assert (sent["status"], len(sent["attempts"])) == ("SENT", 2)
    assert len(vendors.asked("/telegram", word)) == 2


def test_a_malformed_answer_does_not_bring_the_address_or_what_was_in_it_into_the_log(
    api: Client, stack: Stack
) -> None:
    secret, said = f"secret{uuid4().hex}", f"said{uuid4().hex}"
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer_badly, args=(server, said), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/{secret}"
        api("PUT", "/v1/channels/WEBHOOK", json={"credentials": {"url": url, "secret": SECRET}})
        say(api, "Hello", channel="WEBHOOK")
    log = stack.log_path.read_text()
    assert secret not in log
    assert said not in log


def answer_badly(server: socket.socket, said: str) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65_536)
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n no colon {said}\r\n{said}\r\n\r\n".encode())


def ops(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jobs.ops", *arguments]
    return subprocess.run(command, cwd=stack.root, env={**os.environ, **stack.env}, capture_output=True, text=True)


def test_a_message_that_finds_no_place_in_the_request_is_sent_by_a_worker_at_once(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, *[Answer(delay_seconds=4)] * 40)
    answers: list[dict[str, object]] = []
    asking = [
        threading.Thread(target=lambda n=n: answers.append(say(api, f"{word} {n}", customer=f"c{n}")))
        for n in range(24)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert {a["status"] for a in answers} <= {"SENT", "RETRYING"}
    assert sum(not a["attempts"] for a in answers) >= 24 - 2 * 8, "two processes with eight places each"
    for shown in answers:
        assert settled(api, str(shown["id"]))["status"] == "SENT"
    assert trying(api, str(answers[0]["id"]), 1)
