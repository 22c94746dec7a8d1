"""Our side: worker.py and scheduler.py as processes, and how a measurement enqueues, dispatches and waits.

With bench_job.py and filling.py these are the benchmarks' lines that know the engine. What commits in this process is
dispatched when a measurement calls `dispatch`, not before.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from harness import HERE, Servers, program, wait_until

from jobs.webhook_retry import retry_send
from nightshift import outbox
from nightshift.channels import messages
from nightshift.db.session import statement, transaction
from nightshift.outbox import Lease
from runner.connection import redis
from runner.dispatch import dispatch
from runner.reconcile import reconcile
from runner.registry import QUEUES
from runner.run import run_here

__all__ = ["dispatch", "reconcile"]

MESSAGE_JOB, MAIL_JOB, DOCUMENT_JOB = "webhook_retry.retry_send", "email.send", "ingestion.ingest"
LATER_SECONDS = 3600
UNFINISHED = """
    SELECT 1 FROM outbox WHERE job = %(job)s AND state IN ('pending', 'dispatched', 'running', 'blocked') LIMIT 1
"""
DONE = "SELECT count(*) AS n FROM outbox WHERE job = %(job)s AND workspace_id = %(workspace)s AND state = 'done'"
LEASE_OWNER = "SELECT lease_owner FROM outbox WHERE state = 'running'"
POSTPONE = f"""
    UPDATE outbox SET state = 'pending', due_at = clock_timestamp() + interval '{LATER_SECONDS} seconds'
    WHERE job = %(job)s AND state IN ('pending', 'dispatched')
"""
MAKE_DUE = """
    UPDATE outbox SET due_at = clock_timestamp() WHERE job = %(job)s AND state = 'pending' AND due_at > clock_timestamp()
"""

outbox.on_commit(lambda pairs: None)


@contextmanager
def workers(
    servers: Servers, queues: Sequence[str], kind: str | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Any]:
    """The supervisor of these queues' workers, all of which are there. `kind`: with the job for measuring, doing that."""
    entry = HERE / "bench_job.py" if kind else "worker.py"
    values = {**servers.environment, "LOG_FORMAT": "json", "BENCH_KIND": kind or "", **(env or {})}
    with program([sys.executable, entry, *queues], values, quiet=True) as supervisor:
        wait_until(
            lambda: all(redis().scard(f"rq:workers:{name}") >= slots for name, slots in slots_of(queues).items())
        )
        yield supervisor


def scheduler(servers: Servers) -> Any:
    return program([sys.executable, "scheduler.py"], servers.environment, quiet=True)


def slots_of(queues: Sequence[str]) -> dict[str, int]:
    return {queue: QUEUES[queue].workers for queue in queues}


def enqueue(job: str, row_ids: Sequence[str], workspace_id: str, due_in: float = LATER_SECONDS) -> None:
    """Rows that wait for `make_due`, or for as many seconds."""
    with transaction() as session:
        for row_id in row_ids:
            outbox.enqueue(session, job, row_id, workspace_id, due_in=due_in)


def postpone(job: str) -> None:
    """What is enqueued, or waits for its retry, waits for `make_due`."""
    statement(POSTPONE, job=job)


def make_due(job: str) -> None:
    statement(MAKE_DUE, job=job)


def accept_message(workspace_id: str, agent_id: str, customer: str, content: str) -> None:
    """As the API does it: sent at once where no earlier one waits."""
    with transaction() as session:
        lease = messages.accept(session, workspace_id, agent_id, "TELEGRAM", customer, content)[1]
    if lease:
        run_here(retry_send, lease)


def finish(job: str) -> None:
    """Wait until no row of this job is unfinished."""
    wait_until(lambda: not statement(UNFINISHED, job=job))


def done(job: str, workspace_id: str) -> int:
    return int(statement(DONE, job=job, workspace=workspace_id)[0].n)


def busy_worker_pid() -> int:
    """The process id of the worker that holds the only lease there is."""
    owner = statement(LEASE_OWNER)[0].lease_owner
    return int(redis().hget(f"rq:worker:{owner}", "pid"))


def leased(do: Callable[[Lease], None], row_id: str) -> None:
    """One row from its enqueue to its end, in this process."""
    with transaction() as session:
        outbox.enqueue(session, "bench.time", row_id, "")
        lease = outbox.claim_here(session, "bench.time", row_id)
    assert lease
    do(lease)
