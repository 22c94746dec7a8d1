"""What a person or a load balancer opens."""

import re

import requests
from client import Client
from stack import Stack, wait_for


def test_readyz_names_every_part(stack: Stack) -> None:
    ready = {
        "status": "ready",
        "postgres": True,
        "redis": True,
        "workers": {"ingestion": 3, "webhook-retry": 5, "analytics-rollup": 1, "billing": 1, "email": 10},
        "scheduler": True,
    }
    wait_for(lambda: requests.get(f"{stack.base_url}/readyz", timeout=60).json() == ready)  # a heartbeat may be late
    assert requests.get(f"{stack.base_url}/healthz", timeout=60).status_code == 200


def test_readyz_is_503_while_no_worker_is_there(api: Client, stack: Stack) -> None:
    with stack.no_workers():
        answer = requests.get(f"{stack.base_url}/readyz", timeout=60)
        assert answer.status_code == 503
        assert answer.json()["workers"]["ingestion"] == 0
        subset = stack.launch("worker", "ingestion")
        wait_for(lambda: requests.get(f"{stack.base_url}/readyz", timeout=60).json()["workers"]["ingestion"] == 3)
        assert requests.get(f"{stack.base_url}/readyz", timeout=60).json()["workers"]["email"] == 0, "a subset"
        subset.terminate()
        subset.wait(90)


def test_readyz_is_503_while_the_schema_is_behind_the_program_and_not_while_it_is_ahead(stack: Stack) -> None:
    def answer(revision: str) -> requests.Response:
        stack.sql("UPDATE alembic_version SET version_num = %s", revision)
        return requests.get(f"{stack.base_url}/readyz", timeout=60)

    stack.wait_ready()
    [(current,)] = stack.sql("SELECT version_num FROM alembic_version")
    try:
        behind = answer("0101")
        assert (behind.status_code, behind.json()["postgres"], behind.json()["redis"]) == (503, False, True)
        assert [line["error"] for line in stack.lines(event="database away") if "run make migrate" in line["error"]]
        assert answer("9999").status_code == 200, "a newer release is on its way: this one goes on"
    finally:
        stack.sql("UPDATE alembic_version SET version_num = %s", current)
    stack.wait_ready()


def test_workers_register_again_after_redis_was_wiped(stack: Stack) -> None:
    stack.redis.flushall()
    stack.wait_ready()


def test_metrics_are_prometheus_text(api: Client) -> None:
    api.settled(api.add_text("Counted."))
    done = r'nightshift_jobs_total\{job="ingestion\.ingest",outcome="done",queue="ingestion"\} \d'

    def text() -> str:
        return requests.get(f"{api.base_url}/metrics", timeout=60).text

    wait_for(lambda: re.search(done, text()))  # a job is counted after its row is settled
    wait_for(lambda: 'nightshift_workers{queue="email"} 10.0' in text())  # a heartbeat may be late


def test_the_docs_page_shows_every_route_and_asks_no_other_host(stack: Stack) -> None:
    page = requests.get(f"{stack.base_url}/docs", timeout=60).text
    spec = requests.get(f"{stack.base_url}/openapi.json", timeout=60).json()
    assert spec["openapi"].startswith("3.1")
    for path in spec["paths"]:
        assert path in page
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert "@import" not in page and "url(" not in page
