"""`make ops`: what rests as failed, and trying it again."""

from __future__ import annotations

import subprocess
import sys
from uuid import uuid4

import pytest
from client import Client
from recorder import Answer, Recorder
from stack import Stack


def ops(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jobs.ops", *arguments]
    return subprocess.run(command, cwd=stack.root, env=stack.env, capture_output=True, text=True, timeout=60)


def failed(api: Client, vendors: Recorder) -> str:
    """A document that rests as failed, and would be read the next time."""
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(401, {"error": {"message": "no", "code": "invalid_api_key"}}))
    doc_id = api.add_text(f"On {word}.")
    assert api.settled(doc_id)["status"] == "ERROR"
    return doc_id


def test_failed_lists_what_rests_as_failed_in_one_line_each(api: Client, stack: Stack, vendors: Recorder) -> None:
    doc_id = failed(api, vendors)
    for arguments in (["failed"], ["failed", "--queue", "ingestion"]):
        [line] = [line for line in ops(stack, *arguments).stdout.splitlines() if doc_id in line]
        job, row_id, workspace_id, runs, when, sentence = line.split(" ", 5)
        assert (job, row_id, workspace_id, runs) == ("ingest", doc_id, api.workspace_id, "1")
        assert when.endswith("Z") and sentence == api.doc(doc_id)["errorMsg"]
    assert ops(stack, "failed", "--queue", "billing").stdout == ""


def test_retry_tries_one_again_with_all_attempts(api: Client, stack: Stack, vendors: Recorder) -> None:
    doc_id = failed(api, vendors)
    assert ops(stack, "retry", "ingest", doc_id).returncode == 0
    doc = api.settled(doc_id)
    assert (doc["status"], doc["attempts"]) == ("READY", 1)
    again = ops(stack, "retry", "ingest", doc_id)
    assert (again.returncode, again.stderr) == (1, f"ingest {doc_id} does not rest as failed.\n")


def test_retry_tries_a_whole_queue_again(api: Client, stack: Stack, vendors: Recorder) -> None:
    doc_ids = [failed(api, vendors) for _ in range(3)]
    assert ops(stack, "retry", "--queue", "ingestion").stdout.endswith(" tried again.\n")
    assert {api.settled(doc_id)["status"] for doc_id in doc_ids} == {"READY"}


@pytest.mark.parametrize("arguments", [[], ["retry"], ["retry", "ingest"], ["failed", "--queue", "none"], ["forget"]])
def test_what_it_does_not_understand_it_says(arguments: list[str], stack: Stack) -> None:
    answer = ops(stack, *arguments)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "usage: make ops" in answer.stderr
