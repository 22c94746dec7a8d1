"""Messages kept while their vendor was down, sent in order once it is back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from harness import Figure, compare
from slow_server import LATENCY_SECONDS
from working import slow_vendor, supervised

from jobs import webhook_retry
from jobs.attempt import attempt_here
from jobs.connection import redis
from jobs.queues import QUEUES
from jobs.ring import ring_due
from nightshift import workspaces
from nightshift.channels import accounts, messages
from nightshift.channels.send import send
from nightshift.db.session import statement, transaction
from nightshift.settings import settings

CUSTOMERS, EACH = 200, 10
ROOT = Path(__file__).resolve().parents[2]


def kept(workspace_id: str, agent_id: str) -> None:
    """All accepted while the vendor fails: the first of each customer is tried, the others wait behind it."""
    for number in range(EACH):
        for customer in range(CUSTOMERS):
            with transaction() as session:
                lease = messages.accept(session, workspace_id, agent_id, "TELEGRAM", f"c{customer}", str(number))[1]
            if lease:
                attempt_here(webhook_retry.JOB, lease, lambda lease: send(lease, 5))
    waiting = statement("SELECT count(*) AS n FROM messages WHERE status = 'RETRYING'")[0].n
    assert waiting == CUSTOMERS * EACH, waiting


def order_violations(url: str) -> int:
    """How often a customer got a message twice or before an earlier one."""
    seen: dict[str, list[int]] = defaultdict(list)
    with urllib.request.urlopen(f"{url}log") as answer:
        for body in json.load(answer):
            seen[body["chat_id"]].append(int(body["text"]))
    assert len(seen) == CUSTOMERS
    return sum(texts != list(range(EACH)) for texts in seen.values())


@contextmanager
def webhook_workers(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with supervised([sys.executable, "worker.py", "webhook-retry"], environment, ["webhook-retry"]) as process:
        yield process


def measure(environment: dict[str, str]) -> list[Figure]:
    with slow_vendor() as url:
        os.environ["TELEGRAM_BASE_URL"] = url.rstrip("/")
        settings.cache_clear()
        with transaction() as session:
            workspace, agent, _ = workspaces.create(session, "Bench", "bench@example.com", 0, 0)
            accounts.put(session, workspace.id, "TELEGRAM", {"botToken": "1:x"})
        urllib.request.urlopen(f"{url}fail").close()
        kept(workspace.id, agent.id)
        urllib.request.urlopen(f"{url}work").close()
        with webhook_workers(environment) as supervisor:
            statement("UPDATE work SET due_at = now(), rung_at = NULL WHERE job = 'retry_send' AND due_at < 'infinity'")
            busy = psutil.Process(supervisor.pid).children()
            cpu = sum(sum(p.cpu_times()[:2]) for p in busy)
            start = time.perf_counter()
            ring_due(webhook_retry.JOB.name, workspace.id)
            while statement("SELECT 1 FROM messages WHERE status = 'RETRYING' LIMIT 1"):
                time.sleep(0.1)
            rate = CUSTOMERS * EACH / (time.perf_counter() - start)
            cpu_ms = (sum(sum(p.cpu_times()[:2]) for p in busy) - cpu) / (CUSTOMERS * EACH) * 1000
        violations = order_violations(url)
        del os.environ["TELEGRAM_BASE_URL"]
        settings.cache_clear()
    redis().delete("rq:scheduled:webhook-retry")
    ideal = QUEUES["webhook-retry"].workers / LATENCY_SECONDS
    remark = f"order violations {violations}; {cpu_ms:.1f} ms of CPU a job in the workers"
    return [
        compare("2,000 kept messages to 200 customers, 5 slots, 50 ms vendor", rate, ideal, "jobs/s", ">= 0.85", remark)
    ]
