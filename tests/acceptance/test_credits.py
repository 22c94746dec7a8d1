"""Credits: what a workspace starts with, using them once and never below zero, and being told when they run low."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
import requests
from client import OPERATOR_KEY, Client
from ops import ops
from owed import by_a_worker
from recorder import Recorder
from stack import Stack, wait_for


def use(api: Client, amount: Any, key: str | None, reason: str = "Answer") -> requests.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return api("POST", "/v1/credits/usage", json={"amount": amount, "reason": reason}, headers=headers)


def balance(api: Client) -> int:
    return int(api("GET", "/v1/credits").json()["balance"])


def lows(api: Client, stack: Stack) -> list[Any]:
    sql = "SELECT data FROM events WHERE workspace_id = %s AND name = 'credits_low' ORDER BY seq"
    return [row[0] for row in stack.sql(sql, api.workspace_id)]


def test_a_workspace_starts_with_its_months_credits_and_gets_them_once(api: Client, stack: Stack) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    assert api("GET", "/v1/credits").json() == {"balance": 1000, "monthlyGrant": 1000, "lowThreshold": 100}
    by_a_worker(stack, "billing.monthly_credit_grant", month)
    assert balance(api) == 1000
    [entry] = api("GET", "/v1/credits/ledger").json()["items"]
    assert (entry["kind"], entry["amount"], entry["month"]) == ("grant", 1000, month)
    poor = Client.of_new_workspace(api.base_url, OPERATOR_KEY, monthlyGrant=0)
    assert (balance(poor), poor("GET", "/v1/credits/ledger").json()["items"]) == (0, [])


def test_using_credits_is_charged_once_for_each_key(api: Client, stack: Stack) -> None:
    first = use(api, 30, "job-1")
    assert (first.status_code, first.json()["balance"]) == (200, 970)
    use(api, 5, "job-2")
    assert use(api, 30, "job-1").json() == first.json(), "the first answer again"
    assert use(api, 31, "job-1").status_code == 422
    assert balance(api) == 965
    stack.sql("DELETE FROM idempotency_keys WHERE scope = %s", api.workspace_id)  # as reconciliation does after a week
    assert (use(api, 30, "job-1").status_code, balance(api)) == (200, 965)
    assert use(api, 31, "job-1").json()["errors"][0]["field"] == "Idempotency-Key"


def test_the_same_request_many_times_at_once_is_charged_once(api: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: use(api, 10, "same"), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert balance(api) == 990


def test_concurrent_uses_never_go_below_zero(api: Client, stack: Stack) -> None:
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: use(api, 70, f"key-{n}"), range(30)))
    assert sorted(answer.status_code for answer in answers) == [200] * 14 + [409] * 16
    assert balance(api) == 20
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["balance"] < 70
    assert lows(api, stack) == [{"balance": 90, "lowThreshold": 100}]


def test_a_refused_use_may_be_tried_again_when_there_are_credits(api: Client, stack: Stack) -> None:
    assert use(api, 1500, "big").status_code == 409
    assert balance(api) == 1000
    by_a_worker(stack, "billing.monthly_credit_grant", "2031-07")
    assert (use(api, 1500, "big").status_code, balance(api)) == (200, 500)


def test_low_is_told_once_until_it_has_been_back(api: Client, stack: Stack) -> None:
    for number, amount in enumerate((900, 1, 1, 50)):
        use(api, amount, f"a{number}")
    assert lows(api, stack) == [{"balance": 99, "lowThreshold": 100}]
    api("PATCH", f"/v1/workspaces/{api.workspace_id}", key=OPERATOR_KEY, json={"lowThreshold": 10})
    use(api, 39, "b")
    assert lows(api, stack)[1:] == [{"balance": 9, "lowThreshold": 10}], "lowered, it was above again"
    by_a_worker(stack, "billing.monthly_credit_grant", "2031-08")
    use(api, 1000, "c")
    assert lows(api, stack)[2:] == [{"balance": 9, "lowThreshold": 10}]
    listening = api("GET", "/v1/events", stream=True, headers={"Last-Event-ID": "0"})
    assert next(line for line in listening.iter_lines() if line == b"event: credits_low")
    listening.close()


@pytest.mark.parametrize("amount", [0, -1, 1.5, "1", True, None, 10**16])
def test_an_amount_is_a_whole_number_from_one_on(api: Client, amount: Any) -> None:
    answer = use(api, amount, "bad")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "amount")
    assert balance(api) == 1000


def test_without_a_key_or_a_reason_nothing_is_charged(api: Client) -> None:
    assert use(api, 1, None).json()["errors"][0]["field"] == "Idempotency-Key"
    assert use(api, 1, "x", reason=" ").json()["errors"][0]["field"] == "reason"
    assert balance(api) == 1000


def test_the_ledger_is_paged_newest_first_and_a_workspaces_own(api: Client) -> None:
    for number in range(4):
        use(api, number + 1, f"key-{number}", reason=f"Number {number}")
    seen, cursor = [], None
    while True:
        page = api("GET", "/v1/credits/ledger", params={"limit": 2, "cursor": cursor}).json()
        seen += [entry["amount"] for entry in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert seen == [-4, -3, -2, -1, 1000]
    assert api("GET", "/v1/credits/ledger?cursor=eA==").status_code == 422
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
    assert [entry["amount"] for entry in other("GET", "/v1/credits/ledger").json()["items"]] == [1000]


def test_a_worker_killed_in_a_grant_leaves_each_with_one(api: Client, stack: Stack) -> None:
    holder = psycopg2.connect(stack.env["DATABASE_URL"])
    holder.cursor().execute("SELECT 1 FROM balances WHERE workspace_id = %s FOR UPDATE", (api.workspace_id,))
    stack.sql("INSERT INTO outbox (job, row_id, workspace_id) VALUES ('billing.monthly_credit_grant', '2031-09', '')")
    owner = "SELECT lease_owner FROM outbox WHERE row_id = '2031-09' AND state = 'running'"
    first = wait_for(lambda: stack.sql(owner))
    stack.kill_worker_of("2031-09")
    wait_for(lambda: (now := stack.sql(owner)) and now != first)
    holder.rollback()
    holder.close()
    wait_for(lambda: stack.sql("SELECT 1 FROM outbox WHERE row_id = '2031-09' AND state = 'done'"))
    assert balance(api) == 2000
    assert [entry["month"] for entry in api("GET", "/v1/credits/ledger").json()["items"]].count("2031-09") == 1


def test_ops_finds_a_balance_that_is_not_its_ledgers_sum(api: Client, stack: Stack) -> None:
    whole = ops("check-balances")
    assert (whole.returncode, whole.stdout) == (0, "")
    stack.sql("UPDATE balances SET balance = 999 WHERE workspace_id = %s", api.workspace_id)
    try:
        broken = ops("check-balances")
        assert (broken.returncode, broken.stdout) == (1, f"{api.workspace_id} 999 1000\n")
    finally:
        stack.sql("UPDATE balances SET balance = 1000 WHERE workspace_id = %s", api.workspace_id)


def test_each_crossing_of_the_threshold_mails_the_workspaces_contact_once_and_a_handoff_mails_its_own(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    contact = f"owner-{uuid4().hex}@example.com"
    api("PATCH", f"/v1/workspaces/{api.workspace_id}", key=OPERATOR_KEY, json={"notifyEmail": contact})
    use(api, 901, uuid4().hex)
    for _ in range(3):
        use(api, 1, uuid4().hex)
    handoff = {"customerId": "customer", "channelType": "SLACK", "reason": "wants <b>a person</b>"}
    assert api("POST", f"/v1/agents/{api.agent_id}/handoffs", json=handoff).status_code == 201

    def mail() -> list[tuple[str, str, str]]:
        return sorted((m["kind"], m["to"], m["status"]) for m in api("GET", "/v1/emails").json()["items"])

    wait_for(lambda: mail() == [("handoff", contact, "SENT"), ("low_credit", contact, "SENT")], explain=mail)
    sent = [r.json for r in vendors.asked("/emails", contact)]
    assert len(sent) == 2
    [low] = [m for m in sent if "credits" in m["subject"].lower()]
    assert "99" in low["subject"]
    [handed] = [m for m in sent if m is not low]
    assert "&lt;b&gt;" in handed["html"]
    assert "<b>a person" not in handed["html"]
    api("PATCH", f"/v1/workspaces/{api.workspace_id}", key=OPERATOR_KEY, json={"lowThreshold": 10})
    use(api, 90, uuid4().hex)
    wait_for(lambda: [kind for kind, *_ in mail()] == ["handoff", "low_credit", "low_credit"], explain=mail)
