"""Deaths, wipes, a vendor that says nothing, a Postgres that is away: every message arrives, none twice without need."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
import requests
from client import Client
from messaging import SECRET, message, put, say, settled, trying
from recorder import Answer, Recorder
from stack import Stack, wait_for

from nightshift import outbox
from nightshift.channels.accounts import JOB
from runner.dispatch import dispatch
from runner.reconcile import reconcile
from runner.rescue import rescue


def test_a_worker_killed_in_the_middle_of_a_send_leaves_an_unknown_attempt_and_the_message_arrives(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(500), Answer(delay_seconds=60))
    killed = say(api, word)
    wait_for(lambda: len(vendors.asked("/telegram", word)) == 2)
    assert message(api, killed["id"])["status"] == "SENDING"
    stack.kill_worker_of(killed["id"])
    sent = settled(api, killed["id"])
    assert (sent["status"], [a["outcome"] for a in sent["attempts"]]) == ("SENT", ["failed", "unknown", "sent"])


def test_an_api_process_killed_while_it_sends_loses_nothing_and_the_same_request_again_hears_what_became_of_it(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(delay_seconds=60))
    body = {"channelType": "TELEGRAM", "customerId": "customer", "content": word}
    key = {"Idempotency-Key": uuid4().hex}
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(api, "POST", f"/v1/agents/{api.agent_id}/messages", json=body, headers=key)
        wait_for(lambda: vendors.asked("/telegram", word))
        [(message_id, owner)] = stack.sql(
            "SELECT row_id, lease_owner FROM outbox JOIN messages ON id = row_id WHERE content = %s", word
        )
        os.kill(int(owner.rpartition("-")[2]), signal.SIGKILL)
        with pytest.raises(requests.ConnectionError):
            asking.result()
    stack.sql("UPDATE outbox SET lease_until = now() WHERE row_id = %s AND lease_owner = %s", message_id, owner)
    sent = settled(api, message_id)
    assert (sent["status"], [a["outcome"] for a in sent["attempts"]]) == ("SENT", ["unknown", "sent"])
    again = api("POST", f"/v1/agents/{api.agent_id}/messages", json=body, headers=key)
    assert (again.status_code, again.json()) == (201, sent)
    assert len(vendors.asked("/telegram", word)) == 2


def test_redis_wiped_between_two_retries_goes_on_where_it_was(api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(500), Answer(500), Answer(500))
    wiped = say(api, word)
    stack.hurry(wiped["id"])
    wait_for(lambda: trying(api, wiped["id"], 2))
    with stack.nothing_moves():
        stack.take(wiped["id"])
        stack.flush_redis_and_reconcile()
    wait_for(lambda: trying(api, wiped["id"], 3))
    assert stack.sql("SELECT failures FROM outbox WHERE row_id = %s", wiped["id"]) == [(3,)]


def test_while_a_lease_lasts_no_reconciliation_and_no_other_worker_sends_the_message(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(500), Answer(when=(answered := threading.Event())))
    slow = say(api, word)
    wait_for(lambda: len(vendors.asked("/telegram", word)) == 2)
    reconcile()
    rescue()
    assert dispatch(JOB, api.workspace_id) == 0
    [(generation,)] = stack.sql("SELECT generation FROM outbox WHERE row_id = %s", slow["id"])
    assert outbox.claim(JOB, slow["id"], generation, "another worker") is None
    assert message(api, slow["id"])["status"] == "SENDING"
    answered.set()
    sent = settled(api, slow["id"])
    assert (sent["status"], len(sent["attempts"])) == ("SENT", 2)
    assert len(vendors.asked("/telegram", word)) == 2


def test_a_vendor_that_stays_silent_is_left_within_15_seconds_and_asked_again_later(
    api: Client, vendors: Recorder
) -> None:
    word = f"word{uuid4().hex}"
    channels = ("TELEGRAM", "WEBHOOK")  # the operator's addresses, and the users': two doors
    for channel in channels:
        put(api, channel, vendors)
        vendors.script(f"{word} {channel}", Answer(delay_seconds=60))
    begun = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        unknown = list(pool.map(lambda channel: say(api, f"{word} {channel}", channel=channel), channels))
    assert time.monotonic() - begun < 45  # 13 s where nothing else runs
    for shown in unknown:
        assert (shown["status"], [a["outcome"] for a in shown["attempts"]]) == ("RETRYING", ["unknown"])
        assert "whether the message arrived is unknown" in shown["error"]
        sent = settled(api, shown["id"])
        assert (sent["status"], [a["outcome"] for a in sent["attempts"]]) == ("SENT", ["unknown", "sent"])


@pytest.mark.parametrize(
    ("answer", "status", "outcome"),
    [(Answer(), "SENT", "sent"), (Answer(500), "RETRYING", "failed")],
)
def test_what_the_vendor_said_within_the_request_while_postgres_was_away_is_written_down_when_it_is_back(
    answer: Answer, status: str, outcome: str, api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    with _asked(api, vendors, answer) as (word, asking, answered), stack.postgres_away():
        answered.set()
        time.sleep(2)
    shown = asking.result()
    assert (shown["status"], [a["outcome"] for a in shown["attempts"]]) == (status, [outcome])
    assert len(vendors.asked("/telegram", word)) == 1
    stack.wait_ready()


def test_a_vendors_wait_counts_from_its_answer_however_long_postgres_is_away(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    answer = Answer(429, {"ok": False, "parameters": {"retry_after": 30}})
    with _asked(api, vendors, answer) as (_, asking, answered), stack.postgres_away():
        told = time.time()
        answered.set()
        time.sleep(5)
    limited, held = asking.result(), say(api, "Held", customer="another")
    for shown in (limited, held):
        assert told + 30 <= datetime.fromisoformat(shown["nextAttemptAt"]).timestamp() <= told + 33
    stack.wait_ready()


def test_while_postgres_stays_away_a_request_whose_message_is_accepted_is_answered_so_within_15_seconds(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    begun = time.monotonic()
    with _asked(api, vendors, Answer()) as (_, asking, answered), stack.postgres_away():
        answered.set()
        shown = asking.result()
    assert time.monotonic() - begun < 45  # 13 s where nothing else runs
    assert shown["status"] == "SENDING"
    stack.wait_ready()


@contextmanager
def _asked(
    api: Client, vendors: Recorder, answer: Answer
) -> Iterator[tuple[str, Future[dict[str, Any]], threading.Event]]:
    """A word that the vendor has before it, the request that waits for its answer, and what makes the vendor give it."""
    word, answer.when = f"word{uuid4().hex}", threading.Event()
    vendors.script(word, answer)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(lambda: say(api, word))
        wait_for(lambda: vendors.asked("/telegram", word))
        yield word, asking, answer.when


def test_where_only_the_word_of_the_last_commit_was_lost_the_message_is_sent_once(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    with _asked(api, vendors, Answer()) as (word, asking, answered), stack.no_commit_confirmed() as break_off:
        [(message_id,)] = stack.sql("SELECT id FROM messages WHERE content = %s", word)
        answered.set()
        wait_for(lambda: break_off(f"%{message_id}%message_sent%"))
    sent = asking.result()
    assert (sent["status"], [a["outcome"] for a in sent["attempts"]]) == ("SENT", ["sent"])
    assert len(vendors.asked("/telegram", word)) == 1


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
    with suppress(OSError):  # the server is closed
        while True:  # the first one tests the channel
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                badly = f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n no colon {said}\r\n{said}\r\n\r\n"
                connection.sendall(badly.encode())
