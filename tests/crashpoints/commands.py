"""What a child of the zygote does: owe a fresh row, run its job for real and die or stop, recover, look at what became of it."""

import os
from collections.abc import Callable
from typing import Any

from cases import CASES
from jobs.connection import connect
from jobs.registry import JOBS
from jobs.ring import ring_due
from jobs.rq_job import SafeJob
from jobs.slot import SlotWorker
from jobs.sweep import sweep
from rq.queue import Queue
from rq.serializers import JSONSerializer
from tracing import trace

from nightshift import logs
from nightshift.db.session import engine, statement

Command = Callable[..., Any]
LAPSE = "UPDATE work SET lease_until = now() - interval '1 second' WHERE lease_owner IS NOT NULL"
WAITED = """
    UPDATE work SET due_at = now() WHERE state = 'pending' AND due_at > now() AND due_at < 'infinity';
    UPDATE channels SET held_until = now() WHERE held_until > now()
"""
SILENT = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'idle in transaction'
"""
OWED = "SELECT 1 FROM work WHERE state = 'pending' LIMIT 1"


def prepare(case: str) -> dict[str, Any]:
    """A fresh row, owed and rung: what `check` has to know of it."""
    row = CASES[case].prepare(statement("SELECT count(*) AS n FROM work")[0].n)
    if not CASES[case].here:
        ring_due(CASES[case].job, row["workspace_id"])
    return row


def run(case: str, row: dict[str, Any], at: int, signum: int) -> list[str]:
    """The row's job runs, and its process sends itself `signum` at point `at`. Returns the points it passed."""
    statement("SELECT 1")  # who runs it has a connection
    trace.at, trace.signum, trace.on = at, signum, True
    here = CASES[case].here
    here(row) if here else _work(CASES[case].job)
    return trace.points


def recover(case: str, rounds: int) -> bool:
    """As after a death: leases lapse, the sweep, workers again, until nothing is owed. False where that never comes."""
    for _ in range(rounds):
        _let_time_pass(JOBS[CASES[case].job].queue_name)
        sweep()
        _work(CASES[case].job)
        if not statement(OWED):
            return True
    return False


def check(case: str, row: dict[str, Any], delivered: list[str]) -> list[str]:
    """What differs from one effect. `delivered`: the texts that vendors delivered of it, in order."""
    held = statement(
        "SELECT job, row_id, state, lease_owner FROM work WHERE state <> 'done' OR lease_owner IS NOT NULL"
    )
    wip = connect(5).zrange(f"rq:wip:{JOBS[CASES[case].job].queue_name}", 0, -1)
    left = [f"left: {tuple(each)}" for each in held] + [f"in rq:wip: {each}" for each in wip]
    return left + CASES[case].check(row, delivered)


def _let_time_pass(queue: str) -> None:
    """Leases lapse, what waited is due, Postgres ends who is silent in a transaction, what RQ notes of jobs is old."""
    statement(SILENT)
    statement(LAPSE)
    statement(WAITED)
    for name in connect(5).zrange(f"rq:scheduled:{queue}", 0, -1):
        connect(5).zadd(f"rq:scheduled:{queue}", {name: 1})
    for entry in connect(5).zrange(f"rq:wip:{queue}", 0, -1):
        connect(5).zincrby(f"rq:wip:{queue}", -60, entry)


def _work(job: str) -> None:
    """Until the queue is empty, as a worker of it."""
    logs.configure("json")
    place = Queue(JOBS[job].queue_name, connection=connect(5), job_class=SafeJob, serializer=JSONSerializer)
    name = f"crashing-{os.getpid()}"
    worker = SlotWorker([place], name=name, connection=place.connection, job_class=SafeJob, serializer=JSONSerializer)
    worker.work(burst=True, logging_level="CRITICAL")


def migrate() -> None:
    """The schema, in a database of the crash points' own."""
    from nightshift.db import migrate as migration

    engine.cache_clear()
    migration.migrate()
