"""Work that time owes: done in the test's own process by a job that no running worker knows, or by a worker."""

import uuid
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import text
from stack import Stack, wait_for

from nightshift import outbox
from nightshift.db.session import statement, transaction
from nightshift.outbox import Lease

WAITS_FOR_ME = text("SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))")


def lease_on(row_id: str) -> Lease:
    """A lease on a row of its own."""
    job = f"test.{uuid.uuid4().hex}"
    with transaction() as session:
        outbox.enqueue(session, job, row_id, "")
        lease = outbox.claim_here(session, job, row_id)
    assert lease
    return lease


def do(work_of: Callable[[Lease], None], row_id: str) -> None:
    """Do it once, to its end."""
    lease = lease_on(row_id)
    try:
        work_of(lease)
        [row] = statement("SELECT state FROM outbox WHERE job = %(job)s", job=lease.job)
        assert row.state == "done"
    finally:
        statement("DELETE FROM outbox WHERE job = %(job)s", job=lease.job)


def by_a_worker(stack: Stack, job: str, row_id: str) -> None:
    """Have a running worker do it, as the scheduler would."""
    with transaction() as session:
        outbox.enqueue(session, job, row_id, "")
    done = "SELECT 1 FROM outbox WHERE job = %s AND row_id = %s AND state = 'done'"
    wait_for(lambda: stack.sql(done, job, row_id))


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, moment: str) -> None:
        self.to(moment)

    def to(self, moment: str) -> None:
        self.moment = datetime.fromisoformat(moment)

    def __call__(self) -> datetime:
        return self.moment
