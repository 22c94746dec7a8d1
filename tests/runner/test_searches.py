"""What is due and active is found at once, and not by going through all that was, while someone holds a transaction open."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import psycopg2
import pytest
from sqlalchemy import text
from stack import wait_for

import jobs
from nightshift import outbox
from nightshift.db.session import statement, transaction
from nightshift.ids import new_id
from nightshift.outbox import statements
from nightshift.settings import settings
from runner.dispatch import dispatch_all, look, lost, take
from runner.registry import JOBS, NO_PAYLOAD, QUEUES

assert jobs
JOB, OVER = "test_searches.send", 2000  # no other process dispatches it, and none works on its queue
AGO = "clock_timestamp() - interval '1 hour'"


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    like = JOBS["webhook_retry.retry_send"]
    monkeypatch.setitem(JOBS, JOB, replace(like, name=JOB, queue=replace(like.queue, name="test-searches")))
    name = new_id("ws")
    yield name
    del QUEUES["test-searches"]
    statement("DELETE FROM outbox WHERE workspace_id = %(w)s", w=name)


def insert(workspace: str, count: int = 1) -> None:
    """Rows that have been due for an hour."""
    sql = f"""
        INSERT INTO outbox (job, row_id, workspace_id, due_at)
        SELECT %(job)s, %(w)s || n, %(w)s, {AGO} FROM generate_series(1, %(count)s::int) AS n
    """
    statement(sql, job=JOB, w=workspace, count=count)


def test_a_row_that_is_released_or_lost_is_found_at_once_however_long_it_has_been_due(workspace: str) -> None:
    insert(workspace)
    [row] = take(JOBS[JOB], workspace)
    look()
    lost((JOB, row.row_id, row.generation))
    [row] = take(JOBS[JOB], workspace)
    lease = outbox.claim(JOB, row.row_id, row.generation, "me")
    assert lease
    look()
    with transaction() as session:
        lease.release(session)
    wait_for(lambda: state(workspace) == "dispatched")  # by the hook of the commit


def state(workspace: str) -> str:
    return str(statement("SELECT state FROM outbox WHERE workspace_id = %(w)s", w=workspace)[0].state)


def test_a_row_that_came_unnoticed_is_found_by_the_next_look(workspace: str) -> None:
    look()
    insert(workspace)
    look()
    dispatch_all([JOB])
    assert state(workspace) == "dispatched"


def test_while_a_transaction_is_held_a_search_does_not_read_all_that_was(workspace: str) -> None:
    with closing(psycopg2.connect(settings().database_url)) as held:
        held.set_session(isolation_level="REPEATABLE READ")
        held.cursor().execute("SELECT count(*), pg_current_xact_id() FROM outbox")
        insert(workspace, OVER)
        mine = "WHERE workspace_id = %(w)s"
        statement(f"UPDATE outbox SET state = 'dispatched', dispatched_at = {AGO} {mine}", w=workspace)
        statement(f"UPDATE outbox SET state = 'done' {mine}", w=workspace)
        look()
        assert _pages_read(workspace) < OVER / 20


def _pages_read(workspace: str) -> int:
    values = dict(job=JOB, workspace=workspace, bound=5)
    sql = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)" + statements.DISPATCH.format(payload=NO_PAYLOAD)
    with transaction() as session:
        session.execute(text("ANALYZE outbox"))  # else how it is read depends on the moment of the last one
        [plan] = session.connection().exec_driver_sql(sql, values).scalar_one()
    return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])
