"""What an operator sees: the metrics of all processes, and one trace from a request to the vendor's answer."""

from typing import Any
from uuid import uuid4

from client import OPERATOR_KEY, Client
from messaging import put, say, trying
from recorder import Answer, Recorder
from scraped import scrape, total
from stack import Stack, wait_for

RETRY = "webhook_retry.retry_send"
IDS = ("trace", "workspace", "row")


def grown(stack: Stack, before: Any, *series: tuple[str, dict[str, str]]) -> list[float]:
    now = scrape(stack.base_url)
    return [total(now, name, **labels) - total(before, name, **labels) for name, labels in series]


def test_the_metrics_show_what_every_process_did_and_never_go_back(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    stack.wait_ready()
    before = scrape(stack.base_url)
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(500), Answer(429, {"parameters": {"retry_after": 1}}))
    message = say(api, word)  # fails within the request
    stack.hurry(message["id"])  # the worker is asked to wait
    wait_for(lambda: trying(api, message["id"], 3))  # and sends it
    api.settled(api.add_text("Counted."))
    queue = {"queue": "webhook-retry"}
    expected = [
        ("nightshift_jobs_total", {"job": RETRY, "outcome": "retry"}, 2),
        ("nightshift_jobs_total", {"job": RETRY, "outcome": "done"}, 1),
        ("nightshift_wait_seconds_count", queue, 2),
        ("nightshift_run_seconds_count", queue, 2),
        ("nightshift_run_seconds_bucket", {**queue, "le": "+Inf"}, 2),
        ("nightshift_vendor_answers_total", {"vendor": "TELEGRAM", "answer": "temporary"}, 1),
        ("nightshift_vendor_answers_total", {"vendor": "TELEGRAM", "answer": "busy"}, 1),
        ("nightshift_vendor_answers_total", {"vendor": "TELEGRAM", "answer": "accepted"}, 1),
        ("nightshift_vendor_answers_total", {"vendor": "OPENAI", "answer": "accepted"}, 1),
        ("nightshift_tick_seconds_count", {}, 1),
        ("nightshift_reconcile_seconds_count", {}, 1),
    ]
    series = [(name, labels) for name, labels, _ in expected]
    least = [value for _, _, value in expected]

    def counted() -> bool:
        return all(now >= wanted for now, wanted in zip(grown(stack, before, *series), least, strict=True))

    wait_for(counted, explain=lambda: str(grown(stack, before, *series)))
    stack.sql("DELETE FROM outbox WHERE row_id = %s", message["id"])
    stack.sql("DELETE FROM messages WHERE id = %s", message["id"])
    assert counted(), "what retention deletes has happened all the same"


def test_depth_and_the_oldest_wait_count_what_is_due_and_not_what_is_paused(stack: Stack) -> None:
    insert = "INSERT INTO outbox (job, row_id, workspace_id, state, due_at) VALUES (%s, %s, '', %s, now() - %s * interval '1 s')"
    job, of = "billing.monthly_credit_grant", {"job": "billing.monthly_credit_grant"}
    operator = Client(stack.base_url, OPERATOR_KEY, "", "")
    paused = operator("POST", "/v1/pauses", json={"queue": "billing", "reason": "a test"}).json()
    try:
        before = scrape(stack.base_url)
        stack.sql(insert, job, "2030-01", "pending", 4000)
        stack.sql(insert, job, "2030-02", "failed", 4000)
        since = "SELECT 1 FROM outbox_since WHERE job = %s AND due < now() - interval '1 hour'"
        wait_for(lambda: stack.sql(since, job))  # a dispatcher has seen it
        samples = scrape(stack.base_url)
        for state in ("pending", "failed"):
            added = total(samples, "nightshift_outbox", state=state, **of) - total(
                before, "nightshift_outbox", state=state, **of
            )
            assert added == 1
        assert total(samples, "nightshift_oldest_due_seconds", **of) < 4000
        stack.sql(
            "UPDATE outbox SET state = 'dispatched', dispatched_at = now() + interval '1 h' WHERE row_id = '2030-01'"
        )
        assert total(scrape(stack.base_url), "nightshift_oldest_due_seconds", **of) >= 4000, "its job waits in Redis"
    finally:
        stack.sql("DELETE FROM outbox WHERE job = %s AND row_id LIKE '2030-%%'", job)
        operator("DELETE", f"/v1/pauses/{paused['id']}")


def test_lost_and_rescued_jobs_are_counted(api: Client, stack: Stack, vendors: Recorder) -> None:
    before = scrape(stack.base_url)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(delay_seconds=60))
    doc_id = api.add_text(word)
    wait_for(lambda: vendors.asked("/embeddings", word))
    stack.kill_worker_of(doc_id)
    api.settled(doc_id)
    ingest = "ingestion.ingest"
    rescued = (
        ("nightshift_rescued_jobs_total", {"job": ingest}),
        ("nightshift_jobs_total", {"job": ingest, "outcome": "died"}),
    )
    wait_for(lambda: grown(stack, before, *rescued) == [1, 1], explain=lambda: str(grown(stack, before, *rescued)))


def test_the_log_lines_of_a_request_and_of_all_it_started_carry_the_same_ids(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(500))
    caller = f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"
    body = {"channelType": "TELEGRAM", "customerId": "customer", "content": word}
    answer = api("POST", f"/v1/agents/{api.agent_id}/messages", json=body, headers={"traceparent": caller})
    message_id, trace = answer.json()["id"], caller.split("-")[1]
    assert answer.headers["X-Request-Id"] == trace, "the caller's"
    stack.hurry(message_id)
    of_message = {"trace": trace, "workspace": api.workspace_id, "row": message_id}
    wait_for(lambda: len(stack.lines(**of_message)) == 5)
    told = [
        (line["event"], line.get("status"), line.get("answer"), line.get("outcome"))
        for line in stack.lines(trace=trace)
    ]
    assert sorted(told, key=str) == sorted(
        [
            ("vendor", 500, "temporary", None), ("job", None, None, "retry"), ("request", 201, None, None),
            ("vendor", 200, "accepted", None), ("job", None, None, "done"),
        ], key=str,
    )  # fmt: skip
    assert all({name: line[name] for name in IDS} == of_message for line in stack.lines(trace=trace))

    added = api.add(type="text", title="Traced", text=f"Traced {uuid4().hex}")
    doc_id, trace = added.json()["id"], added.headers["X-Request-Id"]
    of_doc = {"trace": trace, "workspace": api.workspace_id, "row": doc_id}
    wait_for(lambda: stack.lines(event="job", outcome="done", **of_doc))
    assert wait_for(lambda: stack.lines(event="request", status=202, **of_doc))
    assert stack.lines(event="vendor", vendor="OPENAI", answer="accepted", **of_doc)
