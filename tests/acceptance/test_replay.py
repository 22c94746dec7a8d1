"""What is FAILED is retried by the dashboard."""

from uuid import uuid4

from client import Client
from dashboard import failed_job, listed, press
from recorder import Answer, Recorder
from stack import Stack, wait_for


def test_a_job_that_is_not_failed_is_not_requeued(api: Client, stack: Stack, vendors: Recorder) -> None:
    word = f"word{uuid4().hex}"
    doc_id = api.add_text(f"On {word}.")
    api.settled(doc_id)
    name = wait_for(lambda: [n for n in listed(stack, "finished") if doc_id in n])[0]
    assert press(stack, f"/job/{name}/requeue").status_code == 409
    vendors.script(word, Answer(400, {"error": {"code": "bad"}}))
    api("POST", f"/v1/knowledge/{doc_id}/reingest")
    api.settled(doc_id, "ERROR")
    assert press(stack, f"/job/{name}/requeue").status_code == 409, "another one of this row is"


def test_requeue_enqueues_the_row_again_and_takes_the_failed_job_off_the_list(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    doc_id, name = failed_job(api, stack, vendors)
    assert press(stack, f"/job/{name}/requeue").json() == {"status": "OK"}
    doc = api.settled(doc_id)
    assert (doc["status"], doc["attempts"], doc["errorMsg"]) == ("READY", 1, None)
    assert name not in listed(stack, "failed")
    assert press(stack, f"/job/{name}/requeue").status_code == 404


def test_a_failed_job_whose_row_has_moved_on_is_not_requeued(api: Client, stack: Stack, vendors: Recorder) -> None:
    doc_id, name = failed_job(api, stack, vendors)
    api("POST", f"/v1/knowledge/{doc_id}/reingest")
    api.settled(doc_id, "READY")
    assert press(stack, f"/job/{name}/requeue").status_code == 409


def test_requeue_all_retries_a_queues_failed_rows_also_what_redis_forgot(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    known, (forgotten, name) = failed_job(api, stack, vendors)[0], failed_job(api, stack, vendors)
    stack.redis.delete(f"rq:job:{name}")
    stack.redis.zrem("rq:failed:ingestion", name)
    assert press(stack, "/requeue/ingestion").json()["count"] >= 2
    assert {api.settled(doc_id, "READY")["status"] for doc_id in (known, forgotten)} == {"READY"}
