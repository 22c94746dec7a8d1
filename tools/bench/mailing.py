"""Mail: ten workers that send by Resend's API to a server of 50 ms, against the ideal."""

import time

import ours
from figures import Figure, compare
from harness import Servers, slow_vendor
from slow_server import LATENCY_SECONDS
from usage import Cpu, Run

from nightshift import workspaces
from nightshift.db.session import statement, transaction
from nightshift.mail import mailbox
from runner.registry import QUEUES

QUEUE = "email"
MAILS = 1000


def write() -> list[str]:
    """The mail of one workspace a worker, as one alone is held to its bound: their ids."""
    slots = QUEUES[QUEUE].workers
    with transaction() as session:
        there = [workspaces.create(session, "Bench", "bench@example.com", 0, 0)[0].id for _ in range(slots)]
    values = dict(agent="Assistant", channel="WhatsApp", customer="+49 151 2345678", reason="A refund.")
    for workspace_id in there:
        with transaction() as session:
            for number in range(MAILS // slots):
                assert mailbox.enqueue(session, workspace_id, "handoff", f"handoff/{number}", **values)
    ours.postpone(ours.MAIL_JOB)
    return there


def measure(servers: Servers) -> list[Figure]:
    there = write()
    with slow_vendor() as url:
        resend = {"RESEND_API_KEY": "re_bench", "RESEND_FROM": "bench@example.com", "RESEND_BASE_URL": url.rstrip("/")}
        with ours.workers(servers, [QUEUE], env=resend) as supervisor:
            cpu = Cpu(workers=supervisor.pid, Postgres=servers.postgres_pid, Redis=servers.redis_pid)
            ours.make_due(ours.MAIL_JOB)
            start = time.perf_counter()
            for workspace_id in there:
                ours.dispatch(ours.MAIL_JOB, workspace_id)
            ours.finish(ours.MAIL_JOB)
            run = Run(MAILS / (time.perf_counter() - start), cpu.ms_a_job(MAILS))
    assert len(statement("SELECT 1 FROM emails WHERE status = 'SENT'")) == MAILS
    name = "10 workers, mail to a server of 50 ms, against the ideal"
    return [compare(name, run.rate, QUEUES[QUEUE].workers / LATENCY_SECONDS, "jobs/s", ">= 0.85", run.cpu())]
