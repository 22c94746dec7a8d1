"""/admin/queues: every page works with the jobs there are."""

import re
from collections.abc import Iterator
from threading import Event
from uuid import uuid4

import pytest
import requests
from client import OPERATOR_KEY, Client
from dashboard import failed_job, get, listed, press
from recorder import Answer, Recorder
from stack import Stack, wait_for

PLANTED = ("scheduled", "deferred", "canceled")


@pytest.fixture
def everywhere(api: Client, stack: Stack, vendors: Recorder) -> Iterator[dict[str, str]]:
    """A real job in every registry: three slow ones hold the three workers, another workspace's one waits."""
    done = api.add_text("Read.")
    api.settled(done)
    _, broken = failed_job(api, stack, vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, *[Answer(when=(answered := Event()))] * 3)
    slow = [Client.of_new_workspace(api.base_url, OPERATOR_KEY).add_text(f"{word}.") for _ in range(3)]
    wait_for(lambda: len(vendors.asked("/embeddings", word)) == 3)
    waiting = Client.of_new_workspace(api.base_url, OPERATOR_KEY).add_text("Last in the row.")
    for registry in PLANTED:  # we have none: a job that lies there shows all the same
        stack.redis.zadd(f"rq:{registry}:ingestion", {f"ingestion-ingest-{done}-1": 9e9})
    wait_for(lambda: stack.redis.lrange("rq:queue:ingestion", 0, -1))
    yield {
        "queued": waiting, "scheduled": done, "deferred": done, "started": slow[0], "finished": done,
        "failed": broken, "canceled": done,
    }  # fmt: skip
    answered.set()
    stack.redis.delete(*(f"rq:{registry}:ingestion" for registry in PLANTED))


def test_every_page_and_every_list_works_with_the_jobs_there_are(everywhere: dict[str, str], stack: Stack) -> None:
    workers = get(stack, "/0/data/workers.json").json()["workers"]
    assert len(workers) == 20
    assert {worker["state"] for worker in workers} == {"busy", "idle"}, "also of those that have run nothing yet"
    busy = [w["current_job"] for w in workers if w["current_job"] != "idle"]
    assert "ingestion.ingest" in [job["description"] for job in busy]
    for registry, row_id in everywhere.items():
        name, job = next((n, j) for n, j in listed(stack, registry).items() if row_id in n)
        assert job["description"] == "ingestion.ingest", "a job is described by its name alone"
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
        assert requests.get(stack.base_url + file, timeout=60).status_code == 200, file
    assert get(stack, path).headers["Content-Security-Policy"] != policy


@pytest.mark.parametrize(
    "path",
    [
        "/0/view/job/ingestion-ingest-doc_none-1",
        "/0/data/job/ingestion-ingest-doc_none-1.json",
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


@pytest.mark.parametrize(
    "path", ["/job/ingestion-ingest-doc_none-1/requeue", "/requeue/nonsense", "/queue/email/nonsense/empty"]
)
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


def test_nothing_is_deleted_and_an_empty_queue_can_be_compacted(api: Client, stack: Stack, vendors: Recorder) -> None:
    _, name = failed_job(api, stack, vendors)
    for path in (f"/job/{name}/delete", "/queue/ingestion/failed/empty"):
        assert press(stack, path).json() == {"status": "DISABLED"}
    assert name in listed(stack, "failed")
    assert "delete-job-btn" not in get(stack, f"/0/view/job/{name}").text.split("<script nonce")[0]
    assert press(stack, "/queue/billing/compact").json() == {"status": "OK"}
