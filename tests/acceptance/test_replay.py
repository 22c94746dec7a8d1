"""What is FAILED is retried: by the dashboard and by `make ops`."""

import subprocess
import sys
from uuid import uuid4

import pytest
from client import Client
from dashboard import failed, failed_job, listed, press
from ops import ops
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
    assert {api.settled(doc_id)["status"] for doc_id in (known, forgotten)} == {"READY"}


def test_failed_lists_what_is_failed_in_one_line_each(api: Client, stack: Stack, vendors: Recorder) -> None:
    doc_id = failed(api, vendors)
    for arguments in (["failed"], ["failed", "--queue", "ingestion"]):
        [line] = [line for line in ops(*arguments).stdout.splitlines() if doc_id in line]
        job, row_id, workspace_id, runs, when, sentence = line.split(" ", 5)
        assert (job, row_id, workspace_id, runs) == ("ingestion.ingest", doc_id, api.workspace_id, "1")
        assert when.endswith("Z") and sentence == api.doc(doc_id)["errorMsg"]
    assert ops("failed", "--queue", "billing").stdout == ""


def test_retry_enqueues_one_again_with_all_attempts(api: Client, stack: Stack, vendors: Recorder) -> None:
    doc_id = failed(api, vendors)
    assert ops("retry", "ingestion.ingest", doc_id).returncode == 0
    doc = api.settled(doc_id)
    assert (doc["status"], doc["attempts"]) == ("READY", 1)
    again = ops("retry", "ingestion.ingest", doc_id)
    assert (again.returncode, again.stderr) == (1, f"ingestion.ingest {doc_id} is not FAILED.\n")


def test_retry_enqueues_a_whole_queue_again(api: Client, stack: Stack, vendors: Recorder) -> None:
    doc_ids = [failed(api, vendors) for _ in range(3)]
    command = [sys.executable, "-m", "runner.ops", "retry", "--queue", "ingestion"]
    retried = subprocess.run(command, cwd=stack.root, env=stack.env, capture_output=True, text=True, timeout=300)
    assert retried.stdout.endswith(" enqueued again.\n")
    assert {api.settled(doc_id)["status"] for doc_id in doc_ids} == {"READY"}


@pytest.mark.parametrize(
    "arguments", [[], ["retry"], ["retry", "ingestion.ingest"], ["failed", "--queue", "none"], ["forget"]]
)
def test_what_it_does_not_understand_it_says(arguments: list[str]) -> None:
    answer = ops(*arguments)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "usage: make ops" in answer.stderr
