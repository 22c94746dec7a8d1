"""A mail that does not go through: the retries, the waits, the end, and sending it again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from client import OPERATOR_KEY, Client
from dashboard import listed, press
from mails import announced, key_of, mail, mails, sent, settled
from ops import ops
from recorder import Answer, Recorder
from stack import Stack, wait_for

BAD_KEY = Answer(401, {"statusCode": 401, "name": "invalid_api_key", "message": "API key is invalid"})


def test_a_temporary_failure_is_tried_again_three_times_10_s_apart_with_one_key_and_then_is_failed(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    with stack.nothing_moves() as move:
        mail_id, word = announced(api, vendors, *[Answer(500)] * 4)
        for attempt in (1, 2, 3):
            shown = wait_for(lambda n=attempt: (m := mail(api, mail_id))["attempts"] == n and m["nextAttemptAt"] and m)
            assert (shown["status"], shown["error"], shown["sentAt"]) == ("PENDING", "Resend is having trouble.", None)
            due = wait_for(lambda: stack.due(mail_id))
            next_at = datetime.fromisoformat(shown["nextAttemptAt"]).timestamp()
            assert 9 <= next_at - sent(vendors, word)[-1].at < 15
            assert due == pytest.approx(next_at, abs=1.2)
            assert stack.failures(mail_id) == attempt
            move(mail_id)
    shown = settled(api, mail_id)
    assert (shown["status"], shown["attempts"], shown["nextAttemptAt"]) == ("FAILED", 4, None)
    assert shown["error"] == "Resend is having trouble."
    assert wait_for(lambda: stack.job(mail_id).get(b"ended_at")) and stack.job(mail_id)[b"retries_left"] == b"0"
    assert len({key_of(request) for request in sent(vendors, word)}) == 1 and len(sent(vendors, word)) == 4
    events = list(wait_for(lambda: vendors.asked("/envelope/", mail_id)))
    assert len(events) == 1, "Sentry hears of the last attempt only"


def test_what_goes_through_at_the_second_attempt_is_sent_and_shows_no_error(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    mail_id, word = announced(api, vendors, Answer(500))
    stack.hurry(mail_id)
    shown = settled(api, mail_id)
    assert (shown["status"], shown["attempts"], shown["error"]) == ("SENT", 2, None)
    assert len({key_of(request) for request in sent(vendors, word)}) == 1


def test_no_mail_shares_its_key_with_another(api: Client, vendors: Recorder) -> None:
    words = [announced(api, vendors)[1] for _ in range(3)]
    requests = [wait_for(lambda w=word: sent(vendors, w))[0] for word in words]
    keys = {key_of(request) for request in requests}
    assert len(keys) == 3 and all(len(key) <= 256 for key in keys)


def test_a_retry_after_is_obeyed_and_costs_no_attempt(api: Client, stack: Stack, vendors: Recorder) -> None:
    slow_down = Answer(429, {"name": "rate_limit_exceeded"}, {"retry-after": "90"})
    mail_id, word = announced(api, vendors, slow_down)
    due = wait_for(lambda: stack.due(mail_id))
    assert 90 <= due - sent(vendors, word)[0].at <= 93
    assert stack.failures(mail_id) == 0
    stack.hurry(mail_id)
    assert settled(api, mail_id)["status"] == "SENT"


def test_a_bad_key_ends_it_at_once_with_a_sentence_for_the_operator(api: Client, vendors: Recorder) -> None:
    mail_id, word = announced(api, vendors, BAD_KEY)
    shown = settled(api, mail_id)
    assert (shown["status"], shown["attempts"], shown["nextAttemptAt"]) == ("FAILED", 1, None)
    assert "operator" in shown["error"] and "RESEND_API_KEY" in shown["error"]
    assert len(sent(vendors, word)) == 1


def test_what_failed_is_sent_again_once_however_often_it_is_asked_for(api: Client, vendors: Recorder) -> None:
    mail_id, word = announced(api, vendors, BAD_KEY)
    settled(api, mail_id)
    vendors.script(word, Answer(delay_seconds=1))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: api("POST", f"/v1/emails/{mail_id}/retry"), range(6)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409, 409]
    [accepted] = [answer.json() for answer in answers if answer.status_code == 202]
    assert (accepted["id"], accepted["status"], accepted["error"], accepted["attempts"]) == (
        mail_id,
        "PENDING",
        None,
        0,
    )
    shown = settled(api, mail_id)
    assert (shown["status"], shown["mayArriveTwice"]) == ("SENT", False)
    first, second = sent(vendors, word)
    assert key_of(first) == key_of(second)


def test_what_failed_is_sent_again_to_the_address_of_now_under_a_key_of_its_own(api: Client, vendors: Recorder) -> None:
    mail_id, word = announced(api, vendors, Answer(422, {"name": "validation_error"}))
    assert settled(api, mail_id)["status"] == "FAILED"
    right = {"notifyEmail": "right@example.com"}
    assert api("PATCH", f"/v1/workspaces/{api.workspace_id}", key=OPERATOR_KEY, json=right).status_code == 200
    assert api("POST", f"/v1/emails/{mail_id}/retry").json()["to"] == "right@example.com"
    shown = settled(api, mail_id, "SENT")
    assert (shown["to"], shown["mayArriveTwice"]) == ("right@example.com", False)
    wrong, again = sent(vendors, word)
    assert again.json["to"] == ["right@example.com"] and key_of(again) != key_of(wrong)


def test_what_is_sent_or_still_tried_is_not_sent_again(api: Client, vendors: Recorder, stack: Stack) -> None:
    mail_id, word = announced(api, vendors)
    settled(api, mail_id)
    assert api("POST", f"/v1/emails/{mail_id}/retry").status_code == 409
    waiting, _ = announced(api, vendors, Answer(500))
    wait_for(lambda: mail(api, waiting)["error"])
    assert api("POST", f"/v1/emails/{waiting}/retry").status_code == 409
    assert len(sent(vendors, word)) == 1
    stack.hurry(waiting)
    settled(api, waiting, "SENT")


def test_the_operators_tools_send_again_too(api: Client, stack: Stack, vendors: Recorder) -> None:
    mail_id, word = announced(api, vendors, BAD_KEY, BAD_KEY)
    settled(api, mail_id)
    [line] = [x for x in ops("failed").stdout.splitlines() if mail_id in x]
    assert line.startswith(f"email.send {mail_id} {api.workspace_id} 1 ")
    assert ops("retry", "--queue", "email", "--id", mail_id).returncode == 0
    wait_for(lambda: len(sent(vendors, word)) == 2 and mail(api, mail_id)["status"] == "FAILED")
    name = wait_for(lambda: [name for name in listed(stack, "failed", "email") if mail_id in name])[0]
    assert press(stack, f"/job/{name}/requeue").json() == {"status": "OK"}
    assert settled(api, mail_id, "SENT")["attempts"] == 1


def test_the_list_is_filtered_and_paged_newest_first(api: Client, vendors: Recorder) -> None:
    bad, _ = announced(api, vendors, BAD_KEY)
    settled(api, bad)
    good = [announced(api, vendors)[0] for _ in range(3)]
    for mail_id in good:
        settled(api, mail_id)
    assert [m["id"] for m in mails(api)] == [*reversed(good), bad]
    assert [m["id"] for m in mails(api, status="FAILED")] == [bad]
    assert [m["id"] for m in mails(api, status="SENT")] == [*reversed(good)]
    assert mails(api, status="PENDING") == []
    page = api("GET", "/v1/emails", params={"limit": 3}).json()
    assert [m["id"] for m in mails(api, limit=3, cursor=page["nextCursor"])] == [bad]
    for query in ({"status": "sent"}, {"limit": 0}, {"cursor": "!"}):
        assert api("GET", "/v1/emails", params=query).status_code == 422


def test_another_workspaces_mail_is_not_there(api: Client, vendors: Recorder) -> None:
    mail_id, _ = announced(api, vendors, BAD_KEY)
    settled(api, mail_id)
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
    assert mails(other) == []
    for path in (f"/v1/emails/{mail_id}/retry", "/v1/emails/mail_none/retry"):
        assert other("POST", path).status_code == 404
    assert mail(api, mail_id)["status"] == "FAILED"
