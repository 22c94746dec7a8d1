"""What a child of the zygote does: enqueue a fresh row, run its job for real and die or stop, recover, look at what became
of it."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cases import CASES
from tracing import trace

import jobs  # noqa: F401  registers them
from nightshift import logs
from nightshift.db.session import engine, statement
from nightshift.settings import settings
from runner.connection import connect
from runner.dispatch import dispatch, dispatch_all
from runner.reconcile import reconcile
from runner.registry import JOBS
from runner.rescue import rescue
from runner.worker import Worker

Command = Callable[..., Any]
TIME_PASSES = (
    """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
       WHERE datname = current_database() AND state = 'idle in transaction'""",
    "UPDATE outbox SET lease_until = now() - interval '1 second' WHERE state = 'running'",
    "UPDATE outbox SET dispatched_at = now() - interval '1 minute' WHERE state = 'dispatched'",
    "UPDATE outbox SET due_at = now() WHERE state = 'pending' AND due_at > now()",
    "UPDATE channels SET held_until = now() WHERE held_until > now()",
)
UNFINISHED = "SELECT job, row_id, state FROM outbox WHERE state NOT IN ('done', 'failed')"


def prepare(case: str) -> dict[str, Any]:
    """A fresh row, enqueued and dispatched: what `check` has to know of it."""
    row = CASES[case].prepare(statement("SELECT count(*) AS n FROM outbox")[0].n)
    if not CASES[case].here:
        dispatch(CASES[case].job, row["workspace_id"])
    return row


def run(case: str, row: dict[str, Any], at: int, signum: int) -> list[str]:
    """The row's job runs, and its process sends itself `signum` at point `at`. Returns the points it passed."""
    statement("SELECT 1")  # who runs it has a connection
    trace.at, trace.signum, trace.on = at, signum, True
    here = CASES[case].here
    here(row) if here else _work(CASES[case].job)
    return trace.points


def recover(case: str, rounds: int) -> list[str]:
    """As after a death: leases expire, rows are rescued, Redis is reconciled, workers again, until all is done. Returns what
    is not."""
    left: list[str] = []
    for _ in range(rounds):
        _let_time_pass()
        rescue()
        reconcile()
        dispatch_all(JOBS)
        _work(CASES[case].job)
        left = [str(tuple(row)) for row in statement(UNFINISHED)]
        if not left:
            break
    return left


def check(case: str, row: dict[str, Any], delivered: list[str]) -> list[str]:
    """What differs from one effect. `delivered`: the texts that vendors delivered of it, in order."""
    held = statement(
        "SELECT job, row_id, state, lease_owner FROM outbox WHERE state <> 'done' OR lease_owner IS NOT NULL"
    )
    wip = connect(5).zrange(f"rq:wip:{JOBS[CASES[case].job].queue.name}", 0, -1)
    left = [f"left: {tuple(each)}" for each in held] + [f"in rq:wip: {each}" for each in wip]
    return left + CASES[case].check(row, delivered)


def _let_time_pass() -> None:
    """Leases expire, what waited is due, Postgres ends sessions that are idle in a transaction, dead workers are delisted."""
    for sql in TIME_PASSES:
        statement(sql)
    connection = connect(5)
    for key in connection.keys("rq:worker:*"):
        connection.delete(key)


def _work(job: str) -> None:
    """Until the queue is empty, as a worker of it."""
    logs.configure(replace(settings(), log_format="json"))
    Worker(JOBS[job].queue, f"crashing-{os.getpid()}").work(burst=True, logging_level="CRITICAL")


def migrate() -> None:
    """The schema, in a database of the crash points' own."""
    from nightshift.db import migrate as migration

    engine.cache_clear()
    migration.migrate()
