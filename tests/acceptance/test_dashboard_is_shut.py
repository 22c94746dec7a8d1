"""What /admin/queues comes with open is shut: to strangers, to other pages, to what was planted in Redis."""

import base64
import json
import zlib
from uuid import uuid4

import pytest
import requests
from client import OPERATOR_KEY, Client
from dashboard import failed_job, get, press
from recorder import Recorder
from stack import Stack

PLANTED = "<img src=x onerror=alert(1)>\"'&"
OWN = "the dashboard's own origin"


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_through_a_proxy_it_wants_the_operators_key(header: str, stack: Stack) -> None:
    for path in ("/", "/0/data/workers.json", "/static/css/main.css", "/requeue/ingestion"):
        answer = get(stack, path, **{header: "203.0.113.9"})
        assert (answer.status_code, answer.headers["WWW-Authenticate"][:6]) == (401, "Basic "), path
    url = f"{stack.base_url}/admin/queues/"
    for password, status in (("wrong", 401), ("", 401), (OPERATOR_KEY, 200), (OPERATOR_KEY + "ä", 401)):
        name = (b"anyone", password.encode())
        answer = requests.get(url, auth=name, headers={header: "203.0.113.9"}, timeout=60)
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
    doc_id, name = failed_job(api, stack, vendors)
    for method in ("GET", "HEAD"):
        answer = requests.request(method, f"{stack.base_url}/admin/queues/requeue/ingestion", timeout=60)
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
    doc_id, job = failed_job(api, stack, vendors)
    sent = {name: value.replace(OWN, stack.base_url) for name, value in headers.items()}
    for path in (f"/job/{job}/requeue", "/requeue/ingestion", f"/job/{job}/delete", "/queue/ingestion/failed/empty"):
        answer = requests.post(f"{stack.base_url}/admin/queues{path}", headers=sent, timeout=60)
        assert answer.status_code == 403, path
    assert api.doc(doc_id)["status"] == "ERROR"


def test_a_referer_of_its_own_is_enough(stack: Stack) -> None:
    own = {"Referer": f"{stack.base_url}/admin/queues/"}
    assert requests.post(f"{stack.base_url}/admin/queues/requeue/billing", headers=own, timeout=60).status_code == 200


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
