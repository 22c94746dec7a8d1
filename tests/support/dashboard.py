"""The dashboard as its own pages use it."""

from typing import Any
from uuid import uuid4

import requests
from client import Client
from recorder import Answer, Recorder
from stack import Stack, wait_for


def get(stack: Stack, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{stack.base_url}/admin/queues{path}", headers=headers, timeout=60)


def press(stack: Stack, path: str, **headers: str) -> requests.Response:
    """What a button of the dashboard's own pages does."""
    headers = {"Origin": stack.base_url, "Sec-Fetch-Site": "same-origin"} | headers
    return requests.post(f"{stack.base_url}/admin/queues{path}", headers=headers, timeout=60)


def listed(stack: Stack, registry: str, queue: str = "ingestion") -> dict[str, Any]:
    answer = get(stack, f"/0/data/jobs/{queue}/{registry}/200/dsc/1.json")
    assert answer.status_code == 200, answer.text
    return {job["id"]: job for job in answer.json()["jobs"]}


def failed(api: Client, vendors: Recorder) -> str:
    """A document that ended in ERROR, and would be read the next time."""
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(401, {"error": {"message": "no", "code": "invalid_api_key"}}))
    doc_id = api.add_text(f"On {word}.")
    assert api.settled(doc_id)["status"] == "ERROR"
    return doc_id


def failed_job(api: Client, stack: Stack, vendors: Recorder) -> tuple[str, str]:
    """The same, and its job in RQ's list of failed ones."""
    doc_id = failed(api, vendors)
    return doc_id, str(wait_for(lambda: [name for name in listed(stack, "failed") if doc_id in name])[0])
