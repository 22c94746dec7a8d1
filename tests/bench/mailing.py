"""Mail: ten workers that send by Resend's API to a server of 50 ms, against the ideal."""

import time

from harness import Figure, compare
from jobs.ring import ring_due
from slow_server import LATENCY_SECONDS
from working import cpu_seconds, slow_vendor, workers

from jobs.queues import QUEUES
from nightshift import mail, workspaces
from nightshift.db.models import Workspace
from nightshift.db.session import statement, transaction

MAILS = 1000
PENDING = "SELECT 1 FROM work WHERE job = 'send' AND state = 'pending' LIMIT 1"


def write() -> list[str]:
    """The mail of one workspace a worker: a single one is held to its bound."""
    slots = QUEUES["email"].workers
    with transaction() as session:
        there = [workspaces.create(session, "Bench", "bench@example.com", 0, 0)[0].id for _ in range(slots)]
    for workspace_id in there:
        with transaction() as session:
            workspace = session.get_one(Workspace, workspace_id)
            for number in range(MAILS // slots):
                values = dict(agent="Assistant", channel="WhatsApp", customer="+49 151 2345678", reason="A refund.")
                assert mail.owe(session, workspace, "handoff", f"handoff/{number}", **values)
    return there


def measure(environment: dict[str, str]) -> list[Figure]:
    with slow_vendor() as url:
        resend = {"RESEND_API_KEY": "re_bench", "RESEND_FROM": "bench@example.com", "RESEND_BASE_URL": url.rstrip("/")}
        with workers({**environment, **resend}, url, ["email"]) as supervisor:
            there = write()
            cpu, start = cpu_seconds(supervisor.pid), time.perf_counter()
            for workspace_id in there:
                ring_due(mail.JOB, workspace_id)
            while statement(PENDING):
                time.sleep(0.1)
            rate = MAILS / (time.perf_counter() - start)
            cpu_ms = (cpu_seconds(supervisor.pid) - cpu) / MAILS * 1000
    assert len(statement("SELECT 1 FROM emails WHERE status = 'SENT'")) == MAILS
    ideal = QUEUES["email"].workers / LATENCY_SECONDS
    name, remark = (
        "10 workers, mail to a server of 50 ms, against the ideal",
        f"{cpu_ms:.1f} ms of CPU a job in the workers",
    )
    return [compare(name, rate, ideal, "jobs/s", ">= 0.85", remark)]
