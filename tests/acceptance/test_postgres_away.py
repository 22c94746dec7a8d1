"""Postgres goes while a job is under way: what the vendor said is written down when it is back, by who heard it."""

import time
from threading import Event
from uuid import uuid4

from client import Client
from mails import announced, mail
from messaging import put, say, settled, trying
from recorder import Answer, Recorder
from stack import Stack, wait_for

from runner.dispatch import push

AWAY = 2.0  # after the vendor's answer: what has it tries to write it down several times


def test_a_failure_is_counted_and_retried_and_not_held_until_its_lease_is_up(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(500, when=(answered := Event())))
    doc_id = api.add_text(f"The {word} stands in the hall.")
    _goes_before(answered, stack, vendors, "/embeddings", word)
    wait_for(lambda: stack.sql("SELECT 1 FROM outbox WHERE row_id = %s AND failures = 1", doc_id))
    stack.hurry(doc_id)
    assert api.settled(doc_id)["status"] == "READY"
    assert stack.sql("SELECT failures, deaths, state FROM outbox WHERE row_id = %s", doc_id) == [(1, 0, "done")]


def test_work_whose_turn_comes_while_postgres_is_away_is_no_failure_and_runs_when_it_is_back(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(500))

    def in_the_worker() -> list[str]:
        lines = stack.lines(event="job")
        return [line["outcome"] for line in lines if kept["id"] in line.get("id", "") and line["outcome"] != "retry"]

    with stack.nothing_moves():
        kept = say(api, word)
        job, rows = stack.take(kept["id"])
        with stack.postgres_away():
            push(job, rows)
            assert wait_for(in_the_worker) == ["released"]
    stack.wait_ready()
    sent = settled(api, kept["id"])
    assert (sent["status"], [a["outcome"] for a in sent["attempts"]]) == ("SENT", ["failed", "sent"])


def test_a_failure_whose_commit_took_effect_unheard_is_counted_once(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(500, when=(answered := Event())))
    doc_id = api.add_text(f"The {word} stands in the yard.")
    wait_for(lambda: vendors.asked("/embeddings", word))
    with stack.no_commit_confirmed() as break_off:
        answered.set()
        counted = "SELECT 1 FROM outbox WHERE row_id = %s AND failures = 1"
        wait_for(lambda: (break_off("COMMIT"), stack.sql(counted, doc_id))[1])
    assert api.settled(doc_id)["status"] == "READY"
    assert stack.sql("SELECT failures, deaths, state FROM outbox WHERE row_id = %s", doc_id) == [(1, 0, "done")]


def test_a_vendors_answer_to_a_kept_message_is_not_lost(api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    second, third = Event(), Event()
    vendors.script(word, Answer(500), Answer(500, when=second), Answer(when=third))
    kept = say(api, word)
    _goes_before(second, stack, vendors, "/telegram", word, 2)
    shown = wait_for(lambda: trying(api, kept["id"], 2))
    assert [(a["outcome"], a["httpStatus"]) for a in shown["attempts"]] == [("failed", 500)] * 2
    stack.hurry(kept["id"])
    _goes_before(third, stack, vendors, "/telegram", word, 3)
    sent = settled(api, kept["id"])
    assert (sent["status"], [a["outcome"] for a in sent["attempts"]]) == ("SENT", ["failed", "failed", "sent"])
    assert len(vendors.asked("/telegram", word)) == 3


def test_a_refusal_of_a_mail_is_final_and_says_why(api: Client, stack: Stack, vendors: Recorder) -> None:
    mail_id, word = announced(api, vendors, Answer(422, {"message": "Invalid `to` field."}, when=(answered := Event())))
    _goes_before(answered, stack, vendors, "/resend", word)
    refused = wait_for(lambda: mail(api, mail_id) if mail(api, mail_id)["status"] != "PENDING" else None)
    assert (refused["status"], refused["mayArriveTwice"], len(vendors.asked("/resend", word))) == ("FAILED", False, 1)
    assert "not valid" in refused["error"]


def _goes_before(answered: Event, stack: Stack, vendors: Recorder, path: str, word: str, requests: int = 1) -> None:
    """For a while, once the vendor has been asked so often and before it answers."""
    wait_for(lambda: len(vendors.asked(path, word)) == requests)
    with stack.postgres_away():
        answered.set()
        time.sleep(AWAY)
