"""What goes wrong on the way, as a customer sees it: the retries, the waits, the final sentence."""

from datetime import datetime
from uuid import uuid4

import pytest
from client import Client
from recorder import Answer, Recorder
from stack import Stack, wait_for


def test_a_temporary_failure_is_tried_again_after_2_8_and_32_seconds_and_then_is_failed(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    word = f"word{uuid4().hex}"
    vendors.script(word, *[Answer(500)] * 4)
    with stack.nothing_moves() as move:
        doc_id = api.add_text(f"Something about {word}.")
        for attempt, interval in ((1, 2), (2, 8), (3, 32)):
            doc = wait_for(lambda n=attempt: (d := api.doc(doc_id))["attempts"] == n and d["status"] == "ERROR" and d)
            assert doc["errorMsg"] == "The embedding service is having trouble."
            due = wait_for(lambda: stack.due(doc_id))
            retry_at = datetime.fromisoformat(doc["retryAt"]).timestamp()
            assert interval - 1 <= retry_at - vendors.asked("/embeddings", word)[-1].at < interval + 5
            assert due == pytest.approx(retry_at, abs=1.2)
            assert stack.failures(doc_id) == attempt
            move(doc_id)
    doc = api.settled(doc_id)
    assert (doc["status"], doc["attempts"], doc["retryAt"]) == ("ERROR", 4, None)
    assert wait_for(lambda: stack.job(doc_id).get(b"ended_at")) and stack.job(doc_id)[b"retries_left"] == b"0"
    assert len(vendors.asked("/embeddings", word)) == 4
    events = list(wait_for(lambda: vendors.asked("/envelope/", doc_id)))
    assert len(events) == 1, "Sentry hears of the last attempt only"
    assert word.encode() not in events[0].body


def test_what_ended_in_error_is_tried_again_when_it_is_sent_again(api: Client, vendors: Recorder) -> None:
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(401, {"error": {"message": "no", "code": "invalid_api_key"}}))
    doc_id = api.add_text(f"All about {word}.", "Same")
    failed = api.settled(doc_id)
    assert (failed["status"], failed["attempts"], failed["retryAt"]) == ("ERROR", 1, None)
    assert "refused our key" in failed["errorMsg"]
    again = api.add(type="text", title="Same", text=f"All about {word}.")
    assert (again.status_code, again.json()["id"]) == (202, doc_id)
    assert api.settled(doc_id, "READY")["errorMsg"] is None


def test_a_spent_quota_is_permanent_though_it_comes_as_429(api: Client, vendors: Recorder) -> None:
    word = f"word{uuid4().hex}"
    vendors.script(
        word, Answer(429, {"error": {"message": "x", "type": "insufficient_quota", "code": "insufficient_quota"}})
    )
    doc = api.settled(api.add_text(f"On {word}."))
    assert (doc["status"], doc["attempts"]) == ("ERROR", 1)
    assert "quota" in doc["errorMsg"]


def test_a_longer_retry_after_is_obeyed_and_costs_no_attempt(api: Client, stack: Stack, vendors: Recorder) -> None:
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(429, {"error": {"code": "rate_limit_exceeded"}}, {"retry-after": "90"}))
    doc_id = api.add_text(f"On {word}.")
    doc = wait_for(lambda: (d := api.doc(doc_id))["retryAt"] and d)
    due = wait_for(lambda: stack.due(doc_id))
    asked_at = vendors.asked("/embeddings", word)[0].at
    assert 90 <= due - asked_at <= 93
    assert datetime.fromisoformat(doc["retryAt"]).timestamp() >= asked_at + 90
    assert stack.failures(doc_id) == 0
    stack.hurry(doc_id)
    assert api.settled(doc_id)["status"] == "READY"


def test_waits_of_more_than_half_an_hour_in_all_are_a_failure_that_says_so(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    word = f"word{uuid4().hex}"
    wait = Answer(429, {"error": {"code": "rate_limit_exceeded"}}, {"retry-after": "1000"})
    vendors.script(word, wait, wait)
    doc_id = api.add_text(f"On {word}.")
    stack.hurry(doc_id)
    doc = api.settled(doc_id)
    assert (doc["status"], doc["retryAt"]) == ("ERROR", None)
    assert "30 minutes" in doc["errorMsg"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer(short=1), "left out a part"),
        (Answer(503), "having trouble"),
        (Answer(408), "busy"),
        (Answer(409), "busy"),
        (Answer(200, {"object": "list", "data": "nonsense"}), "embedding service"),
    ],
)
def test_each_temporary_answer_is_tried_again(
    answer: Answer, sentence: str, api: Client, stack: Stack, vendors: Recorder
) -> None:
    word = f"word{uuid4().hex}"
    vendors.script(word, answer)
    doc_id = api.add_text(f"On {word}. " * 80)
    doc = wait_for(lambda: (d := api.doc(doc_id))["retryAt"] and d)
    assert sentence in doc["errorMsg"]
    stack.hurry(doc_id)
    assert api.settled(doc_id)["status"] == "READY"


def test_a_model_of_other_dimensions_is_refused_at_once(api: Client, vendors: Recorder) -> None:
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(dimensions=768))
    doc = api.settled(api.add_text(f"On {word}."))
    assert (doc["status"], doc["attempts"]) == ("ERROR", 1)
    assert "1536" in doc["errorMsg"]


def test_what_was_embedded_before_a_failure_is_not_embedded_again(api: Client, stack: Stack, vendors: Recorder) -> None:
    word = f"word{uuid4().hex}"
    text = "\n\n".join(f"Paragraph {n} of {word}: " + f"filler{n} " * 190 for n in range(300))
    good = Answer()
    vendors.script(word, good, Answer(500))
    doc_id = api.add_text(text)
    wait_for(lambda: api.doc(doc_id)["retryAt"])
    stack.hurry(doc_id)
    doc = api.settled(doc_id)
    assert doc["status"] == "READY"
    requests = vendors.asked("/embeddings", word)
    sent = [t for r in requests for t in r.json["input"]]
    refused = requests[1].json["input"]
    assert len(sent) == doc["chunkCount"] + len(refused), "only the refused batch was sent twice"
    for request in requests:
        assert len(request.json["input"]) <= 2048
        assert sum(len(t.encode()) for t in request.json["input"]) <= 300_000
    assert stack.sql("SELECT count(*) FROM paid_embeddings WHERE doc_id = %s", doc_id) == [(0,)]


def test_reingest_keeps_the_old_chunks_searchable_until_the_new_ones_are_in_and_also_when_it_fails(
    api: Client, vendors: Recorder
) -> None:
    word = f"word{uuid4().hex}"
    doc_id = api.add_text(f"The {word} is kept in the cellar.")
    before = api.settled(doc_id)
    vendors.script(word, Answer(400, {"error": {"code": "bad"}}))
    assert api("POST", f"/v1/knowledge/{doc_id}/reingest").status_code == 202
    failed = api.settled(doc_id, "ERROR")
    assert failed["chunkCount"] == before["chunkCount"]
    assert api.search(word)[0]["docId"] == doc_id
    assert api("POST", f"/v1/knowledge/{doc_id}/reingest").json()["status"] == "PENDING"
    assert api.settled(doc_id)["chunkCount"] == before["chunkCount"]
