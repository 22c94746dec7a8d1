"""The `nightshift` command does what the operator's routes do, in words for people and in JSON for programs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from client import OPERATOR_KEY, Client
from messaging import put, say, settled
from ops import ops
from recorder import Answer, Recorder
from stack import Stack, wait_for

BLOCKED = Answer(403, {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"})


def said(*arguments: str, status: int = 0) -> Any:
    """What it prints as JSON."""
    done = ops(*arguments, "--json")
    assert done.returncode == status, (arguments, done.stderr)
    return json.loads(done.stdout)


def test_failed_work_is_listed_shown_and_retried(api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    vendors.script(f"of {api.workspace_id}", *[BLOCKED] * 3)
    ids = [say(api, f"{number} of {api.workspace_id}", customer=f"customer {number}")["id"] for number in range(3)]
    mine = ["--workspace", api.workspace_id]
    listed = said("failed", *mine)
    assert [row["id"] for row in listed] == ids[::-1]
    answered = api("GET", "/v1/failed", key=OPERATOR_KEY, params={"id": ids[0]}).json()["items"]
    assert listed[-1].items() <= answered[0].items(), "as the API has it"
    assert [row["id"] for row in said("failed", *mine, "--limit", "1", "--error", "BLOCKED")] == ids[2:]
    [group] = said("failed", *mine, "--by-error")
    assert (group["number"], group["job"]) == (3, "webhook_retry.retry_send")
    shown = said("show", ids[0])
    assert (shown["kind"], shown["row"]["status"], shown["jobs"][0]["queue"]) == ("messages", "FAILED", "webhook-retry")
    assert [each["outcome"] for each in shown["attempts"]] == ["failed"] and "content" not in shown["row"]
    assert shown["jobs"][0]["logIds"] == [f"webhook_retry-retry_send-{ids[0]}-1"]
    assert ids[0] in ops("show", ids[0]).stdout
    assert said("retry", *mine, "--dry-run")["matched"] == 3
    assert "3 would be retried" in ops("retry", *mine, "--dry-run").stdout
    assert said("retry", *mine, "--id", ids[1]) == {"queued": 1}
    assert settled(api, ids[1])["status"] == "SENT"
    assert ops("retry", *mine).stdout == "2 are retried; the last one is enqueued within 1 s.\n"
    assert {settled(api, message_id)["status"] for message_id in ids} == {"SENT"}
    again = ops("retry", *mine)
    assert (again.returncode, again.stderr) == (1, "Nothing that matches is FAILED.\n")


def test_queues_are_paused_and_a_workspace_and_its_keys_are_made(api: Client, stack: Stack) -> None:
    assert ops("pause", "billing", "--reason", "A move.").returncode == 0
    try:
        assert [row["reason"] for row in said("pause") if row["queue"] == "billing"] == ["A move."]
        assert {row["name"]: row["state"] for row in said("queues")}["billing"] == "paused"
    finally:
        assert ops("resume", "billing").returncode == 0
    assert ops("resume", "billing").stderr == "billing is not paused.\n"
    made = said("workspace", "create", "--name", "Acme", "--notify-email", "ops@acme.example", "--monthly-grant", "7")
    acme = Client(api.base_url, made["apiKey"], made["id"], made["agentId"])
    assert acme("GET", "/v1/credits").json()["balance"] == 7
    [first] = [key["id"] for key in acme("GET", "/v1/keys").json()["items"]]
    assert "last key" in ops("key", "delete", first).stderr
    second = said("key", "create", made["id"])
    assert ops("key", "delete", first).returncode == 0
    assert acme("GET", "/v1/agents").status_code == 401
    assert acme("GET", "/v1/agents", key=second["apiKey"]).status_code == 200


def same_cause_twice() -> bool:
    cause = json.loads(ops("status", "--json").stdout)["verdict"]["cause"].split(":")[0]
    return cause in ops("status").stdout


def test_status_says_how_it_stands_and_the_schedule_runs_a_slot(api: Client, stack: Stack) -> None:
    done = ops("status", "--json")
    shown = json.loads(done.stdout)
    assert done.returncode == (shown["verdict"]["state"] != "flowing") and shown["verdict"]["cause"], done.stdout
    assert shown["accepted"] == shown["done"] + shown["owed"] + shown["failed"]
    assert {queue["name"]: queue["workers"] for queue in shown["queues"]}["email"] == 10
    cause = shown["verdict"]["cause"].split(":")[0]
    assert cause in ops("status").stdout or wait_for(same_cause_twice), "it may change in between"
    findings = json.loads(ops("status", "--doctor", "--json").stdout)
    assert {"Postgres", "Redis", "schema"} <= {finding["name"] for finding in findings}
    assert "daily-rollup" in [entry["name"] for entry in said("schedule")]
    assert (
        ops("schedule", "run", "daily-rollup", "2026-03-04T02:00Z").stdout == "daily-rollup: 2026-03-03 is enqueued.\n"
    )
    wait_for(lambda: stack.sql("SELECT 1 FROM outbox WHERE row_id = '2026-03-03' AND state = 'done'"))


@pytest.mark.slow
def test_what_is_wrong_is_said_in_one_line(api: Client, stack: Stack) -> None:
    for arguments, status, words in (
        (["retry"], 2, "--all"),
        (["retry", "--all", "--queue", "email"], 2, "--all"),
        (["retry", "--queue", "none"], 2, "'none'"),
        (["failed", "--since", "yesterday"], 2, "yesterday"),
        (["forget"], 2, "forget"),
        (["pause", "email"], 2, "--reason"),
        (["pause", "none", "--reason", "x"], 2, "QUEUE"),
        (["workspace", "create", "--name", " ", "--notify-email", "a@b.example"], 2, "--name"),
        (["workspace", "create", "--name", "A", "--notify-email", "nobody"], 2, "--notify-email"),
        (["show", "doc_none"], 1, "doc_none"),
        (["key", "create", "ws_none"], 1, "ws_none"),
        (["key", "delete", "key_none"], 1, "key_none"),
        (["schedule", "run", "none", "2026-03-04"], 1, "none"),
        (["schedule", "run", "daily-rollup", "2026-03-04T02:01Z"], 1, "0 2 * * *"),
    ):
        answer = ops(*arguments)
        assert (answer.returncode, answer.stdout) == (status, ""), (arguments, answer.stdout)
        [line] = answer.stderr.splitlines()
        assert words in line, line
    assert (ops("key").returncode, "\n  create " in ops("key").stderr) == (2, True), "what it could be, a line each"
    elsewhere = {**stack.env, "DATABASE_URL": "", "REDIS_URL": "", "APP_ENV": "production"}
    command = [str(Path(sys.executable).parent / "nightshift"), "failed"]
    told = subprocess.run(command, env=elsewhere, cwd=os.sep, capture_output=True, text=True, timeout=300)
    assert (told.returncode, told.stdout, told.stderr) == (1, "", "DATABASE_URL is not set.\n")


def test_a_terminal_of_80_columns_shows_whole_words_and_whole_ids(
    api: Client, stack: Stack, vendors: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(api, "TELEGRAM", vendors)
    vendors.script(f"of {api.workspace_id}", BLOCKED)
    failed = say(api, f"One of {api.workspace_id}")["id"]
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    for columns, id_and_reason in ((80, f"{failed} {api.workspace_id} 1 "), (200, f"{failed}  {api.workspace_id}")):
        monkeypatch.setenv("COLUMNS", str(columns))
        told = ops("failed", "--id", failed).stdout
        assert id_and_reason in told and "blocked" in told, (columns, told)
        assert {"running", "workers", "analytics-rollup"} <= set(re.sub("\x1b\\S*?m", "", ops("status").stdout).split())
