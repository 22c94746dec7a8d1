"""Kills, wipes and lost answers on a mail's way: it arrives once, and where that cannot be known a person is told."""

import json
import zlib
from uuid import uuid4

from client import OPERATOR_KEY, Client
from mails import announce, announced, key_of, mail, mails, sent, settled
from recorder import Answer, Recorder
from stack import Stack, wait_for

from nightshift import mail as outgoing
from nightshift.db.session import transaction
from runner.dispatch import hashes


def test_a_killed_workers_mail_goes_out_again_with_the_same_key(api: Client, stack: Stack, vendors: Recorder) -> None:
    mail_id, word = announced(api, vendors, Answer(delay_seconds=60))
    wait_for(lambda: sent(vendors, word))
    stack.kill_worker_of(mail_id)
    shown = settled(api, mail_id)
    assert (shown["status"], shown["attempts"], shown["mayArriveTwice"]) == ("SENT", 2, False)
    first, second = sent(vendors, word)
    assert key_of(first) == key_of(second), "the vendor drops the second one"
    wait_for(lambda: len(stack.pids_of_workers("email")) == 10)


def test_redis_wiped_between_two_attempts_goes_on_where_it_was(api: Client, stack: Stack, vendors: Recorder) -> None:
    mail_id, word = announced(api, vendors, *[Answer(500)] * 4)
    wait_for(lambda: stack.due(mail_id))
    stack.hurry(mail_id)
    wait_for(lambda: mail(api, mail_id)["attempts"] == 2 and stack.due(mail_id))
    with stack.nothing_moves():
        stack.take(mail_id)
        stack.flush_redis_and_reconcile()
    wait_for(lambda: mail(api, mail_id)["attempts"] == 3)
    assert 9 <= wait_for(lambda: stack.due(mail_id)) - sent(vendors, word)[-1].at < 15
    assert stack.failures(mail_id) == 3
    stack.hurry(mail_id)
    shown = settled(api, mail_id)
    assert (shown["status"], shown["attempts"]) == ("FAILED", 4)
    assert len({key_of(request) for request in sent(vendors, word)}) == 1


def a_day_passes(stack: Stack, mail_id: str) -> None:
    """As if the first attempt in doubt had been 25 hours ago."""
    stack.sql("UPDATE emails SET maybe_sent_at = maybe_sent_at - interval '25 hours' WHERE id = %s", mail_id)


def test_a_repeat_that_might_be_a_second_mail_waits_for_a_person_who_is_told_so(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    mail_id, word = announced(api, vendors, Answer(500))
    wait_for(lambda: stack.due(mail_id))
    a_day_passes(stack, mail_id)
    stack.hurry(mail_id)
    shown = settled(api, mail_id)
    assert (shown["status"], shown["mayArriveTwice"]) == ("FAILED", False)
    assert "may have arrived" in shown["error"]
    assert len(sent(vendors, word)) == 1, "by itself it does not send twice"
    assert api("POST", f"/v1/emails/{mail_id}/retry").json()["mayArriveTwice"] is True
    shown = settled(api, mail_id)
    assert (shown["status"], shown["mayArriveTwice"]) == ("SENT", True)
    first, second = sent(vendors, word)
    assert key_of(first) != key_of(second)


def test_what_the_vendor_refused_a_day_ago_cannot_arrive_twice(api: Client, stack: Stack, vendors: Recorder) -> None:
    mail_id, word = announced(api, vendors, Answer(422, {"name": "validation_error"}))
    settled(api, mail_id)
    a_day_passes(stack, mail_id)
    api("POST", f"/v1/emails/{mail_id}/retry")
    shown = settled(api, mail_id, "SENT")
    assert shown["mayArriveTwice"] is False
    assert len({key_of(request) for request in sent(vendors, word)}) == 1


def test_a_refusal_after_an_attempt_in_doubt_leaves_the_doubt(api: Client, stack: Stack, vendors: Recorder) -> None:
    mail_id, _ = announced(api, vendors, Answer(500), Answer(422, {"name": "validation_error"}))
    stack.hurry(mail_id)
    settled(api, mail_id)
    a_day_passes(stack, mail_id)
    assert api("POST", f"/v1/emails/{mail_id}/retry").json()["mayArriveTwice"] is True


def test_a_mail_that_is_enqueued_twice_is_sent_once_for_its_cause(api: Client, vendors: Recorder) -> None:
    word = uuid4().hex
    values = dict(
        agent=f"Agent {word}", channel="WhatsApp", customer="<b>Mallory</b>", reason="Refund & <i>now</i>\nplease"
    )
    for expected in (True, False):
        with transaction() as session:
            mail_id = outgoing.enqueue(session, api.workspace_id, "handoff", "1", **values)
        assert (mail_id is not None) is expected
    [shown] = mails(api)
    settled(api, shown["id"])
    [request] = sent(vendors, word)
    assert "&lt;b&gt;Mallory&lt;/b&gt;" in request.json["html"] and "<b>Mallory" not in request.json["html"]
    assert "> Refund & <i>now</i>\n> please" in request.json["text"]


def test_a_cause_that_is_rolled_back_mails_nobody(api: Client) -> None:
    try:
        with transaction() as session:
            assert outgoing.enqueue(session, api.workspace_id, "low_credit", "1", balance=1, threshold=2)
            raise RuntimeError("the cause failed")
    except RuntimeError:
        pass
    assert mails(api) == []


def test_the_job_shows_to_subject_and_html_and_the_row_wins(api: Client, stack: Stack, vendors: Recorder) -> None:
    mail_id, word = announced(api, vendors, Answer(500))
    with stack.nothing_moves():
        job, rows = stack.take(mail_id)
        [(name, fields)] = hashes(job, rows)
        function, instance, arguments, shown = json.loads(zlib.decompress(fields["data"]))
        assert (function, instance, arguments) == ("jobs.email.send", None, [mail_id])
        assert set(shown) == {"to", "subject", "html"} and shown["to"] == "owner@example.com"
        assert (fields["description"], fields["retries_left"]) == ("email.send", 2)
        shown["to"] = "mallory@example.com"
        fields["data"] = zlib.compress(json.dumps([function, instance, arguments, shown]).encode())
        stack.redis.hset(f"rq:job:{name}", mapping=fields)
        stack.redis.rpush("rq:queue:email", name)
    settled(api, mail_id, "SENT")
    assert sent(vendors, word)[1].json["to"] == ["owner@example.com"]


def test_no_log_line_and_no_sentry_event_holds_an_address_or_a_text(stack: Stack, vendors: Recorder) -> None:
    word = uuid4().hex
    api = Client.of_new_workspace(stack.base_url, OPERATOR_KEY, notifyEmail=f"{word}@example.com")
    refusal = {"name": "validation_error", "message": f"Invalid `to` field: {word}@example.com"}
    for answer in (Answer(422, refusal), Answer(200, {"id": word})):
        number = f"INV-{uuid4().hex}"
        vendors.script(number, answer)
        announce(api, number, url=f"https://billing.example/{word}")
        settled(api, mails(api)[0]["id"])
    failed = mails(api, status="FAILED")[0]
    assert word not in failed["error"]
    wait_for(lambda: vendors.asked("/envelope/", failed["id"]))
    assert vendors.asked("/envelope/", word) == []
    assert word not in stack.log_path.read_text()
