"""Messages kept while their vendor was down, sent in order once it is back."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psutil
from harness import Figure, compare
from jobs.attempt import attempt_here
from jobs.ring import ring_due
from slow_server import LATENCY_SECONDS
from working import slow_vendor, supervised

from jobs import webhook_retry
from jobs.queues import QUEUES
from nightshift import workspaces
from nightshift.channels import accounts, messages
from nightshift.channels.send import send
from nightshift.db.session import statement, transaction
from nightshift.settings import settings

CUSTOMERS, EACH = 200, 10
JOB = webhook_retry.JOB
WAITING = "SELECT 1 FROM messages WHERE status = 'RETRYING' LIMIT 1"
DUE = "UPDATE work SET due_at = now(), rung_at = NULL WHERE job = 'retry_send' AND state = 'pending' AND due_at < 'infinity'"


@contextmanager
def vendor() -> Iterator[Callable[[str], bytes]]:
    """A vendor that can be told to /fail, to /hang, to /work and to show its /log; the settings name it as Telegram."""
    with slow_vendor() as url:
        os.environ["TELEGRAM_BASE_URL"] = url.rstrip("/")
        settings.cache_clear()

        def tell(path: str) -> bytes:
            with urllib.request.urlopen(url.rstrip("/") + path) as answer:
                return bytes(answer.read())

        yield tell
        del os.environ["TELEGRAM_BASE_URL"]
        settings.cache_clear()


def tenant() -> tuple[str, str]:
    """(workspace id, agent id), with a Telegram account."""
    with transaction() as session:
        workspace, agent, _ = workspaces.create(session, "Bench", "bench@example.com", 0, 0)
        accounts.put(session, workspace.id, "TELEGRAM", {"botToken": "1:x"})
    return workspace.id, agent.id


def keep(workspace_id: str, agent_id: str, customers: int, each: int) -> None:
    """All accepted while the vendor fails: the first of each customer is tried, the others wait behind it."""
    for number in range(each):
        for customer in range(customers):
            with transaction() as session:
                lease = messages.accept(session, workspace_id, agent_id, "TELEGRAM", f"c{customer}", str(number))[1]
            if lease:
                attempt_here(JOB, lease, lambda lease: send(lease, 5))


def all_sent() -> None:
    while statement(WAITING):
        time.sleep(0.05)


def order_violations(log: bytes) -> int:
    """How often a customer got a message twice or before an earlier one."""
    seen: dict[str, list[int]] = defaultdict(list)
    for body in json.loads(log):
        seen[body["chat_id"]].append(int(body["text"]))
    assert len(seen) == CUSTOMERS
    return sum(texts != list(range(EACH)) for texts in seen.values())


def webhook_workers(environment: dict[str, str]) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return supervised([sys.executable, "worker.py", "webhook-retry"], environment, ["webhook-retry"])


def cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def measure(environment: dict[str, str]) -> list[Figure]:
    with vendor() as tell:
        workspace_id, agent_id = tenant()
        tell("/fail")
        keep(workspace_id, agent_id, CUSTOMERS, EACH)
        tell("/work")
        with webhook_workers(environment) as supervisor:
            statement(DUE)
            busy = psutil.Process(supervisor.pid).children()
            start, cpu = time.perf_counter(), cpu_seconds(busy)
            ring_due(JOB.name, workspace_id)
            all_sent()
            rate = CUSTOMERS * EACH / (time.perf_counter() - start)
            cpu_ms = (cpu_seconds(busy) - cpu) / (CUSTOMERS * EACH) * 1000
        violations = order_violations(tell("/log"))
    ideal = QUEUES["webhook-retry"].workers / LATENCY_SECONDS
    remark = f"order violations {violations}; {cpu_ms:.1f} ms of CPU a job in the workers"
    return [
        compare("2,000 kept messages to 200 customers, 5 slots, 50 ms vendor", rate, ideal, "jobs/s", ">= 0.85", remark)
    ]
