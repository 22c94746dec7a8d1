"""Messages kept while their vendor was down, sent in order once it is back."""

import json
import os
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ours
from figures import Figure, compare
from harness import Servers, slow_vendor, wait_until
from slow_server import LATENCY_SECONDS
from usage import Cpu, Run

from nightshift import workspaces
from nightshift.channels import accounts
from nightshift.db.session import statement, transaction
from nightshift.settings import settings
from runner.registry import QUEUES

QUEUE = "webhook-retry"
CUSTOMERS, EACH = 200, 10
WAITING = "SELECT 1 FROM messages WHERE status = 'RETRYING' LIMIT 1"
Tell = Callable[[str], bytes]


@contextmanager
def vendor() -> Iterator[Tell]:
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


def kept(tell: Tell, customers: int, each: int) -> str:
    """A workspace whose messages were accepted while the vendor failed; they wait for `ours.make_due`. Its id."""
    workspace_id, agent_id = tenant()
    tell("/fail")
    for number in range(each):
        for customer in range(customers):
            ours.accept_message(workspace_id, agent_id, f"c{customer}", str(number))
    ours.postpone(ours.MESSAGE_JOB)
    tell("/work")
    return workspace_id


def all_sent() -> None:
    wait_until(lambda: not statement(WAITING))


def order_violations(log: bytes) -> int:
    """How many customers got a message twice or before an earlier one."""
    seen: dict[str, list[int]] = defaultdict(list)
    for body in json.loads(log):
        seen[body["chat_id"]].append(int(body["text"]))
    assert len(seen) == CUSTOMERS
    return sum(texts != list(range(EACH)) for texts in seen.values())


def measure(servers: Servers) -> list[Figure]:
    total = CUSTOMERS * EACH
    with vendor() as tell:
        workspace_id = kept(tell, CUSTOMERS, EACH)
        with ours.workers(servers, [QUEUE]) as supervisor:
            cpu = Cpu(workers=supervisor.pid, Postgres=servers.postgres_pid, Redis=servers.redis_pid)
            ours.make_due(ours.MESSAGE_JOB)
            start = time.perf_counter()
            ours.dispatch(ours.MESSAGE_JOB, workspace_id)
            all_sent()
            run = Run(total / (time.perf_counter() - start), cpu.ms_a_job(total))
        violations = order_violations(tell("/log"))
    name = "2,000 kept messages to 200 customers, 5 slots, 50 ms vendor"
    remark = f"order violations {violations}; {run.cpu()}"
    return [compare(name, run.rate, QUEUES[QUEUE].workers / LATENCY_SECONDS, "jobs/s", ">= 0.85", remark)]
