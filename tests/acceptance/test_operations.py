"""The operator sees how it stands, what is FAILED and what runs when, and acts on it."""

from typing import Any

from client import OPERATOR_KEY, Client
from messaging import put, say
from recorder import Answer, Recorder
from stack import Stack, wait_for

from runner.registry import JOBS


def ask(api: Client, path: str, **parameters: Any) -> Any:
    answer = api("GET", path, key=OPERATOR_KEY, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def do(api: Client, path: str, status: int = 202, **body: Any) -> Any:
    answer = api("POST", path, key=OPERATOR_KEY, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def fail(api: Client, vendors: Recorder, number: int) -> str:
    marker = f"{number} of {api.workspace_id}"
    vendors.script(marker, Answer(400, {"error": {"code": "bad"}}))
    doc_id = api.add_text(marker)
    api.settled(doc_id, "ERROR")
    return doc_id


def test_failed_work_of_any_kind_is_found_and_all_that_matches_is_retried(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    docs = [fail(api, vendors, number) for number in range(3)]
    vendors.script(f"to {api.workspace_id}", Answer(403, {"ok": False, "error_code": 403, "description": "blocked"}))
    message_id = say(api, f"to {api.workspace_id}")["id"]
    mine = {"workspace": api.workspace_id}
    found = ask(api, "/v1/failed", **mine)["items"]
    assert [each["id"] for each in found] == [message_id, *docs[::-1]], "the newest first"
    assert {(each["job"], each["queue"], each["attempts"]) for each in found} == {
        ("ingestion.ingest", "ingestion", 1), ("webhook_retry.retry_send", "webhook-retry", 1)
    }  # fmt: skip
    first = ask(api, "/v1/failed", limit=3, **mine)
    rest = ask(api, "/v1/failed", limit=3, cursor=first["nextCursor"], **mine)
    assert first["items"] + rest["items"] == found and rest["nextCursor"] is None
    for filters, expected in (
        ({"queue": "ingestion"}, docs[::-1]),
        ({"job": "webhook_retry.retry_send"}, [message_id]),
        ({"error": found[0]["error"][3:-3].upper()}, [message_id]),
        ({"id": docs[1]}, [docs[1]]),
        ({"since": found[1]["failedAt"]}, [message_id, docs[2]]),
        ({"queue": "billing"}, []),
    ):
        assert [each["id"] for each in ask(api, "/v1/failed", **mine, **filters)["items"]] == expected, filters
    would = do(api, "/v1/failed/retry", 200, queue="ingestion", dryRun=True, **mine)
    assert (would["matched"], would["mayArriveTwice"], len(would["sample"])) == (3, 0, 3)
    assert do(api, "/v1/failed/retry", queue="ingestion", **mine) == {"queued": 3}
    assert [api.settled(doc_id, "READY")["attempts"] for doc_id in docs] == [1, 1, 1]
    assert [each["id"] for each in ask(api, "/v1/failed", **mine)["items"]] == [message_id]
    for path, body in (("/v1/failed/retry", {"queue": "none"}), ("/v1/failed/retry", {"workspace": ""})):
        assert do(api, path, 422, **body)["errors"]
    assert api("GET", "/v1/failed").status_code == api("GET", "/v1/operations").status_code == 401


def test_all_that_was_accepted_is_done_or_owed_or_failed_and_each_queue_says_its_part(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    stack.sql("DELETE FROM outbox WHERE job <> ALL (%s)", list(JOBS))  # of jobs that other tests have made up
    api.settled(api.add_text("Done."))
    before = ask(api, "/v1/operations")
    fail(api, vendors, 9)
    with stack.nothing_moves():
        pause = do(api, "/v1/pauses", 201, queue="email", reason="A move.")
        try:
            body = {"channelType": "TELEGRAM", "customerId": "customer", "reason": "Asked for a person."}
            assert api("POST", f"/v1/agents/{api.agent_id}/handoffs", json=body).status_code == 201
            after = wait_for(lambda: counted_right(stack, ask(api, "/v1/operations"), before["failed"] + 1))
        finally:
            assert api("DELETE", f"/v1/pauses/{pause['id']}", key=OPERATOR_KEY).status_code == 204
    assert after["accepted"] >= before["accepted"] + 2 and after["owed"] >= 1 and after["done"] >= 1
    assert after["accepted"] == after["done"] + after["owed"] + after["failed"]
    for name in COUNTED:
        assert after[name] == sum(queue[name] for queue in after["queues"]), name
    queues = {queue["name"]: queue for queue in after["queues"]}  # another process may show the figures of a moment ago
    email, ingestion = queues["email"], queues["ingestion"]
    assert email["depth"] == email["held"] >= 1
    assert (email["workers"], email["paused"]["reason"]) == (10, "A move.")
    assert ingestion["doneLastHour"] >= 1 and ingestion["failedLastHour"] >= 1 and len(ingestion["hours"]) == 12
    assert sum(hour["done"] for hour in ingestion["hours"]) >= 1 and ingestion["medianSeconds"] > 0


COUNTED = {"accepted": "SELECT count(*) FROM outbox"} | {
    name: f"SELECT count(*) FROM outbox WHERE {which}"
    for name, which in (
        ("done", "state = 'done'"),
        ("failed", "state = 'failed'"),
        ("owed", "state NOT IN ('done', 'failed')"),
    )
}


def counted_right(stack: Stack, shown: dict[str, Any], failed: int) -> dict[str, Any] | None:
    """What is shown, if so many have FAILED and the database has not moved on meanwhile: what others left behind may end."""
    counted = {name: stack.sql(query)[0][0] for name, query in COUNTED.items()}
    return shown if shown["failed"] >= failed and counted.items() <= shown.items() else None


def test_a_slot_is_run_again_by_hand(api: Client, stack: Stack) -> None:
    entries = {entry["name"]: entry for entry in ask(api, "/v1/schedule")["items"]}
    assert entries["daily-rollup"]["next"].endswith("T02:00:00.000Z")
    slot = stack.sql("SELECT to_char(now() AT TIME ZONE 'UTC' - interval '3 days', 'YYYY-MM-DD')")[0][0]
    path = f"/v1/schedule/daily-rollup/{slot}T02:00:00Z"
    row_id = do(api, path)["id"]
    done = "SELECT runs FROM outbox WHERE job = 'analytics_rollup.daily_rollup' AND row_id = %s AND state = 'done'"
    for _ in range(2):
        assert wait_for(lambda: stack.sql(done, row_id)) == [(1,)]
        assert do(api, path)["id"] == row_id
    assert wait_for(lambda: stack.sql(done, row_id))
    assert do(api, f"/v1/schedule/daily-rollup/{row_id}")["at"] == f"{slot}T02:00:00.000Z", "named by its day too"
    last = next(entry["last"] for entry in ask(api, "/v1/schedule")["items"] if entry["name"] == "daily-rollup")
    assert row_id in [each["id"] for each in last]
    month = stack.sql("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM')")[0][0]
    assert do(api, f"/v1/schedule/monthly-credit-grant/{month}")["at"] == f"{month}-01T00:05:00.000Z"
    for bad, word in ((f"{slot}T02:00:01Z", "due"), ("2999-01-01T02:00:00Z", "slot")):
        assert word in do(api, f"/v1/schedule/daily-rollup/{bad}", 422)["detail"]
    assert "over" in do(api, "/v1/schedule/daily-rollup/2098-01-01T02:00:00Z", 422)["detail"]
    for unknown in (f"none/{slot}T02:00:00Z", "daily-rollup/today"):
        do(api, f"/v1/schedule/{unknown}", 404)
    assert api("POST", path).status_code == 401
