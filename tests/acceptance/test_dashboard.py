"""/admin/queues: every page works with the jobs there are, and what it comes with open is shut."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests
from client import OPERATOR_KEY, Client
from recorder import Answer, Recorder
from stack import Stack, wait_for

PLANTED = "<img src=x onerror=alert(1)>\"'&"
OWN = "the dashboard's own origin"


def get(stack: Stack, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{stack.base_url}/admin/queues{path}", headers=headers, timeout=10)


def press(stack: Stack, path: str, **headers: str) -> requests.Response:
    """What a button of the dashboard's own pages does."""
    headers = {"Origin": stack.base_url, "Sec-Fetch-Site": "same-origin"} | headers
    return requests.post(f"{stack.base_url}/admin/queues{path}", headers=headers, timeout=10)


def failed(api: Client, stack: Stack, vendors: Recorder) -> tuple[str, str]:
    """(document, RQ job) of a document that rests as failed, and would be read the next time."""
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(401, {"error": {"message": "no", "code": "invalid_api_key"}}))
    doc_id = api.add_text(f"On {word}.")
    assert api.settled(doc_id)["status"] == "ERROR"
    name = wait_for(lambda: [n for n in listed(stack, "failed") if doc_id in n])[0]
    return doc_id, name


def listed(stack: Stack, registry: str, queue: str = "ingestion") -> dict[str, Any]:
    answer = get(stack, f"/0/data/jobs/{queue}/{registry}/200/dsc/1.json")
    assert answer.status_code == 200, answer.text
    return {job["id"]: job for job in answer.json()["jobs"]}


@pytest.fixture
def everywhere(api: Client, stack: Stack, vendors: Recorder) -> Iterator[dict[str, str]]:
    """A real job in every registry: three slow ones hold the three workers, another workspace's one waits."""
    done = api.add_text("Read.")
    api.settled(done)
    _, broken = failed(api, stack, vendors)
    word, later = f"word{uuid4().hex}", f"word{uuid4().hex}"
    vendors.script(later, Answer(429, {"error": {"code": "rate_limit_exceeded"}}, {"retry-after": "90"}))
    put_off = api.add_text(f"On {later}.")
    wait_for(lambda: stack.delayed(put_off))
    vendors.script(word, *[Answer(delay_seconds=8)] * 3)
    slow = [Client.of_new_workspace(api.base_url, OPERATOR_KEY).add_text(f"{word}.") for _ in range(3)]
    wait_for(lambda: len(vendors.asked("/embeddings", word)) == 3)
    waiting = Client.of_new_workspace(api.base_url, OPERATOR_KEY).add_text("Last in the row.")
    for registry in ("deferred", "canceled"):  # we have none: a job that lies there shows all the same
        stack.redis.zadd(f"rq:{registry}:ingestion", {f"ingest-{done}-1": 9e9})
    wait_for(lambda: stack.redis.lrange("rq:queue:ingestion", 0, -1))
    yield {
        "queued": waiting, "scheduled": put_off, "deferred": done, "started": slow[0], "finished": done,
        "failed": broken, "canceled": done,
    }  # fmt: skip
    stack.redis.delete("rq:deferred:ingestion", "rq:canceled:ingestion")
    api("DELETE", f"/v1/knowledge/{put_off}")


def test_every_page_and_every_list_works_with_the_jobs_there_are(everywhere: dict[str, str], stack: Stack) -> None:
    workers = get(stack, "/0/data/workers.json").json()["workers"]
    assert len(workers) == 20
    busy = [w["current_job"] for w in workers if w["current_job"] != "idle"]
    assert "ingest" in [job["description"] for job in busy]
    for registry, row_id in everywhere.items():
        name, job = next((n, j) for n, j in listed(stack, registry).items() if row_id in n)
        assert job["description"] == "ingest", "a job is described by its name alone"
        detail = get(stack, f"/0/data/job/{name}.json")
        assert (detail.status_code, detail.json()["origin"]) == (200, "ingestion"), registry
        assert get(stack, f"/0/view/job/{name}").status_code == 200
        for order in ("asc", "dsc"):
            assert get(stack, f"/0/view/jobs/ingestion/{registry}/8/{order}/1").status_code == 200
    assert "at openai_embedder.py" in listed(stack, "failed")[everywhere["failed"]]["exc_info"]
    queues = get(stack, "/0/data/queues.json").json()["queues"]
    assert [q["started_job_registry_count"] for q in queues if q["name"] == "ingestion"] == [3]


@pytest.mark.parametrize("path", ["", "/", "/0/", "/0/view", "/0/view/queues", "/0/view/workers", "/0/view/jobs"])
def test_a_page_asks_no_other_host_and_only_its_own_script_runs(path: str, stack: Stack) -> None:
    answer = get(stack, path)
    policy = answer.headers["Content-Security-Policy"]
    assert (answer.status_code, "'unsafe-inline'" in policy.split("script-src")[1].split(";")[0]) == (200, False)
    nonce = re.findall(r"'nonce-([^']{22})'", policy)[0]
    assert re.findall(r"<script(?! src| name)[^>]*>", answer.text) == [f'<script nonce="{nonce}">']
    files = re.findall(r"<(?:script|link)[^>]*(?:src|href)=\"([^\"]*)\"", answer.text)
    assert len(files) == 7
    for file in files:
        assert requests.get(stack.base_url + file, timeout=10).status_code == 200, file
    assert get(stack, path).headers["Content-Security-Policy"] != policy


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_through_a_proxy_it_wants_the_operators_key(header: str, stack: Stack) -> None:
    for path in ("/", "/0/data/workers.json", "/static/css/main.css", "/requeue/ingestion"):
        answer = get(stack, path, **{header: "203.0.113.9"})
        assert (answer.status_code, answer.headers["WWW-Authenticate"][:6]) == (401, "Basic "), path
    url = f"{stack.base_url}/admin/queues/"
    for password, status in (("wrong", 401), ("", 401), (OPERATOR_KEY, 200), (OPERATOR_KEY + "ä", 401)):
        name = (b"anyone", password.encode())
        answer = requests.get(url, auth=name, headers={header: "203.0.113.9"}, timeout=10)
        assert answer.status_code == status, password
    bearer = get(stack, "/", **{header: "203.0.113.9", "Authorization": f"Bearer {OPERATOR_KEY}"})
    assert bearer.status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:3001", "127.0.0.1.evil.example", "[", "localhost.evil"])
def test_a_name_that_was_rebound_to_loopback_does_not_open_it(host: str, stack: Stack) -> None:
    assert get(stack, "/0/data/workers.json", Host=host).status_code == 401


def test_it_opens_on_loopback_by_any_of_its_names(stack: Stack) -> None:
    for host in ("localhost", "localhost:3001", "127.0.0.1:80", "127.8.8.8", "[::1]:3001"):
        assert get(stack, "/", Host=host).status_code == 200, host


def test_reading_an_address_requeues_nothing(api: Client, stack: Stack, vendors: Recorder) -> None:
    doc_id, name = failed(api, stack, vendors)
    for method in ("GET", "HEAD"):
        answer = requests.request(method, f"{stack.base_url}/admin/queues/requeue/ingestion", timeout=10)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert get(stack, f"/job/{name}/requeue").status_code == 405
    assert api.doc(doc_id)["status"] == "ERROR"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://[", "Sec-Fetch-Site": "same-origin"},
        {"Referer": "https://evil.example/page"},
        {"Origin": OWN, "Sec-Fetch-Site": "cross-site"},
        {"Origin": OWN, "Sec-Fetch-Site": "same-site"},
        {},
    ],
)
def test_another_page_presses_no_button(headers: dict[str, str], api: Client, stack: Stack, vendors: Recorder) -> None:
    doc_id, job = failed(api, stack, vendors)
    sent = {name: value.replace(OWN, stack.base_url) for name, value in headers.items()}
    for path in (f"/job/{job}/requeue", "/requeue/ingestion", f"/job/{job}/delete", "/queue/ingestion/failed/empty"):
        answer = requests.post(f"{stack.base_url}/admin/queues{path}", headers=sent, timeout=10)
        assert answer.status_code == 403, path
    assert api.doc(doc_id)["status"] == "ERROR"


def test_a_referer_of_its_own_is_enough(stack: Stack) -> None:
    own = {"Referer": f"{stack.base_url}/admin/queues/"}
    assert requests.post(f"{stack.base_url}/admin/queues/requeue/email", headers=own, timeout=10).json()["count"] == 0


def test_what_stands_in_redis_is_text_and_never_html(stack: Stack) -> None:
    name, worker = f"planted-{uuid4().hex}-1", f"planted{uuid4().hex} {PLANTED}"
    data = json.dumps([PLANTED, None, [PLANTED], {}]).encode()
    job = {
        "data": zlib.compress(data), "origin": "email", "status": "failed", "created_at": "2026-01-01T00:00:00Z",
        "description": PLANTED, "meta": json.dumps({PLANTED: PLANTED}), "dependency_ids": json.dumps([PLANTED]),
    }  # fmt: skip
    stack.redis.hset(f"rq:job:{name}", mapping=job)
    stack.redis.zadd("rq:failed:email", {name: 9e9})
    stack.redis.hset(f"rq:worker:{worker}", mapping={"state": PLANTED, "queues": PLANTED, "version": PLANTED})
    stack.redis.sadd("rq:workers", f"rq:worker:{worker}")
    stack.redis.sadd("rq:queues", f"rq:queue:{PLANTED}")
    try:
        for kind, field in ((1, "return_value"), (2, "exc_string")):
            _plant_result(stack, name, kind, field)
            for path in (f"/job/{name}.json", "/jobs/email/failed/8/dsc/1.json", "/workers.json", "/queues.json"):
                answer = get(stack, f"/0/data{path}")
                assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json"), path
                assert "onerror" in answer.text, path
                assert not set("<>'") & set(answer.text), path
                assert "&lt;img" in answer.text and "&quot;&#x27;&amp;" in answer.text
        for path in (f"/job/{name}", "/jobs/email/failed/8/asc/1", "/queues", "/workers"):
            assert "<img" not in get(stack, f"/0/view{path}").text, path
        assert press(stack, f"/job/{name}/requeue").status_code == 409
    finally:
        stack.redis.delete(f"rq:job:{name}", f"rq:results:{name}", f"rq:worker:{worker}")
        stack.redis.zrem("rq:failed:email", name)
        stack.redis.srem("rq:workers", f"rq:worker:{worker}")
        stack.redis.srem("rq:queues", f"rq:queue:{PLANTED}")


def _plant_result(stack: Stack, name: str, kind: int, field: str) -> None:
    text = json.dumps({PLANTED: [PLANTED]}).encode() if field == "return_value" else zlib.compress(PLANTED.encode())
    stack.redis.xadd(f"rq:results:{name}", {"type": kind, field: base64.b64encode(text)})


@pytest.mark.parametrize(
    "path",
    [
        "/0/view/job/ingest-doc_none-1",
        "/0/data/job/ingest-doc_none-1.json",
        "/1/view/queues",
        "/1/data/queues.json",
        "/7/",
        "/0/data/jobs/ingestion/nonsense/8/asc/1.json",
        "/0/view/jobs/ingestion/nonsense/8/asc/1",
        "/0/data/jobs/nonsense/failed/8/asc/1.json",
        "/0/view/jobs/');alert(1)('/failed/8/asc/1",
        "/0/data/jobs/ingestion/failed/8/sideways/1.json",
        "/0/data/jobs/ingestion/failed/many/asc/1.json",
        "/0/data/jobs/ingestion/failed/-1/asc/1.json",
    ],
)
def test_what_is_not_there_is_404(path: str, stack: Stack) -> None:
    answer = get(stack, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ["/job/ingest-doc_none-1/requeue", "/requeue/nonsense", "/queue/email/nonsense/empty"])
def test_a_button_for_what_is_not_there_is_404(path: str, stack: Stack) -> None:
    assert press(stack, path).status_code == 404


@pytest.mark.parametrize("size", ["0", "9" * 30, "1000000"])
def test_a_page_has_a_bounded_size(size: str, stack: Stack) -> None:
    for path in (f"data/jobs/ingestion/finished/{size}/asc/{size}.json", f"view/jobs/ingestion/failed/{size}/dsc/1"):
        assert get(stack, f"/0/{path}").status_code == 200
    link = get(stack, f"/0/data/jobs/ingestion/finished/{size}/asc/1.json").json()["pagination"]["first_page"]["url"]
    assert re.search(r"/finished/(1|200)/asc/1$", link)


def test_requests_share_one_pool_of_connections(stack: Stack) -> None:
    before = stack.redis.info("stats")["total_connections_received"]
    for _ in range(60):
        assert get(stack, "/0/data/queues.json").status_code == 200
    assert stack.redis.info("stats")["total_connections_received"] - before < 30


def test_a_job_that_is_not_failed_is_not_requeued(api: Client, stack: Stack) -> None:
    doc_id = api.add_text("Read already.")
    api.settled(doc_id)
    name = wait_for(lambda: [n for n in listed(stack, "finished") if doc_id in n])[0]
    assert press(stack, f"/job/{name}/requeue").status_code == 409
    assert api.doc(doc_id)["attempts"] == 1


def test_requeue_owes_the_row_anew_and_takes_the_failed_job_off_the_list(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    doc_id, name = failed(api, stack, vendors)
    assert press(stack, f"/job/{name}/requeue").json() == {"status": "OK"}
    doc = api.settled(doc_id)
    assert (doc["status"], doc["attempts"], doc["errorMsg"]) == ("READY", 1, None)
    assert name not in listed(stack, "failed")
    assert press(stack, f"/job/{name}/requeue").status_code == 404


def test_a_failed_job_whose_row_has_moved_on_is_not_requeued(api: Client, stack: Stack, vendors: Recorder) -> None:
    doc_id, name = failed(api, stack, vendors)
    api("POST", f"/v1/knowledge/{doc_id}/reingest")
    api.settled(doc_id, "READY")
    assert press(stack, f"/job/{name}/requeue").status_code == 409


def test_requeue_all_tries_a_queues_failed_work_again_also_what_redis_forgot(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    known, (forgotten, name) = failed(api, stack, vendors)[0], failed(api, stack, vendors)
    stack.redis.delete(f"rq:job:{name}")
    stack.redis.zrem("rq:failed:ingestion", name)
    assert press(stack, "/requeue/ingestion").json()["count"] >= 2
    assert {api.settled(doc_id)["status"] for doc_id in (known, forgotten)} == {"READY"}


def test_nothing_is_deleted_and_an_empty_queue_can_be_compacted(api: Client, stack: Stack, vendors: Recorder) -> None:
    _, name = failed(api, stack, vendors)
    for path in (f"/job/{name}/delete", "/queue/ingestion/failed/empty"):
        assert press(stack, path).json() == {"status": "DISABLED"}
    assert name in listed(stack, "failed")
    assert "delete-job-btn" not in get(stack, f"/0/view/job/{name}").text.split("<script nonce")[0]
    assert press(stack, "/queue/billing/compact").json() == {"status": "OK"}
