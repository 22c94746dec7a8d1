"""A statement is planned once for each connection, perhaps while there is nothing yet: the plan must do when there is much."""

from typing import Any

from sqlalchemy import text

from nightshift import outbox
from nightshift.channels import message_list
from nightshift.channels.accounts import JOB
from nightshift.db.session import _preparation, execute, transaction

TABLES = ("messages", "message_attempts", "outbox", "retries", "pauses")
ROWS = 5000
FILL = f"""
    INSERT INTO messages (id, workspace_id, agent_id, channel_type, customer_id, content, status, provider_ids, created_at,
                          updated_at)
    SELECT 'm' || n, 'ws', 'agt', 'TELEGRAM', 'c' || n %% 50, '', 'SENT', '{{}}', now(), now() FROM generate_series(1, {ROWS}) n;
    INSERT INTO outbox (job, row_id, workspace_id, state, lane, lane_seq)
    SELECT '{JOB}', 'm' || n, 'ws', 'done', 'TELEGRAM/c' || n %% 50, n FROM generate_series(1, {ROWS}) n
"""
QUEUED: dict[str, Any] = dict(job=JOB, workspace="ws", due_in=0.0, due_at=None, traceparent=None)
HOT: dict[str, dict[str, Any]] = {
    outbox.statements.ENQUEUE: dict(QUEUED, row_id="new", lane="TELEGRAM/c7"),
    message_list.ONE: dict(id="m7", workspace="ws"),
    message_list._prepared_list(("agent",)): dict(job=JOB, workspace="ws", agent="agt", limit=20, max_bytes=1 << 20),
}


def test_statements_that_are_planned_for_empty_tables_read_little_of_full_ones() -> None:
    with transaction() as session:
        for table in TABLES:
            session.execute(text(f"CREATE TEMP TABLE {table} (LIKE public.{table} INCLUDING ALL) ON COMMIT DROP"))
        for sql, values in HOT.items():
            execute(session, f"{sql} -- in a test", **values)
        session.connection().exec_driver_sql("DELETE FROM outbox; " + FILL)
        for sql, values in HOT.items():
            explained = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + _preparation(f"{sql} -- in a test")[2]
            [plan] = session.connection().exec_driver_sql(explained, values).scalar_one()
            assert plan["Plan"]["Local Hit Blocks"] < ROWS / 10, sql
