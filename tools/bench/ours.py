"""Our side: worker.py and scheduler.py as processes, and how a measurement enqueues, dispatches and waits.

With bench_job.py and filling.py these are the benchmarks' lines that know the engine.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from harness import HERE, Servers, program, wait_until

from jobs import webhook_retry
from jobs.attempt import attempt_here
from jobs.connection import redis
from jobs.queues import QUEUES
from jobs.ring import ring_due
from jobs.sweep import sweep
from nightshift import clock, work
from nightshift.channels import messages
from nightshift.channels.send import send
from nightshift.db.session import statement, transaction
from nightshift.work import Lease

MESSAGE_JOB, MAIL_JOB, DOCUMENT_JOB = "retry_send", "send", "ingest"
UNFINISHED = "SELECT 1 FROM work WHERE job = %(job)s AND state = 'pending' LIMIT 1"
DONE = "SELECT count(*) AS n FROM work WHERE job = %(job)s AND workspace_id = %(workspace)s AND state = 'done'"
LEASE_OWNER = "SELECT lease_owner FROM work WHERE lease_owner IS NOT NULL"
POSTPONE = """
    UPDATE work SET due_at = now() + interval '1 hour', rung_at = NULL
    WHERE job = %(job)s AND state = 'pending' AND lease_owner IS NULL AND due_at < 'infinity'
"""
MAKE_DUE = """
    UPDATE work SET due_at = now(), rung_at = NULL
    WHERE job = %(job)s AND state = 'pending' AND lease_owner IS NULL AND due_at > now() AND due_at < 'infinity'
"""
LATER = timedelta(hours=1)

reconcile, dispatch = sweep, ring_due


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


def enqueue(job: str, row_ids: Sequence[str], workspace_id: str) -> None:
    """Rows that nobody dispatches before `make_due`."""
    with transaction() as session:
        for row_id in row_ids:
            work.order(session, job, row_id, workspace_id, due_at=clock.now() + LATER)


def postpone(job: str) -> None:
    """What is enqueued, or waits for its retry, is not dispatched before `make_due`."""
    statement(POSTPONE, job=job)


def make_due(job: str) -> None:
    statement(MAKE_DUE, job=job)


def accept_message(workspace_id: str, agent_id: str, customer: str, content: str) -> None:
    """As the API does it: tried at once where no earlier one waits."""
    with transaction() as session:
        lease = messages.accept(session, workspace_id, agent_id, "TELEGRAM", customer, content)[1]
    if lease:
        attempt_here(webhook_retry.JOB, lease, lambda lease: send(lease, 5))


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
        work.order(session, "bench_time", row_id, "")
    lease = work.claim("bench_time", row_id, "bench")
    assert lease
    do(lease)
