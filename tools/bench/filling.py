"""Many rows at once, straight into the tables; and what Postgres is told by hand."""

from sqlalchemy import text

from nightshift.db.session import engine, transaction

OUTBOX = """
    INSERT INTO outbox (job, row_id, workspace_id, state, lane, lane_seq)
    SELECT :job, :prefix || n, :workspace, :state, :lane || n, n FROM generate_series(1, :count) AS n
"""
DOCUMENTS = """
    INSERT INTO documents (id, workspace_id, agent_id, type, kind, title, source_hash, status, chunk_count, stage_done,
                           stage_total, created_at, updated_at)
    SELECT :prefix || n, :workspace, :agent, 'text', 'text', 'One of many', sha256((:prefix || n)::bytea), :status, 0, 0, 0,
           now(), now() FROM generate_series(1, :count) AS n
"""
PARTS = """
    INSERT INTO document_parts (doc_id, part, data) SELECT :prefix || n, 0, convert_to('Text number ' || n, 'UTF8')
    FROM generate_series(1, :count) AS n
"""
MESSAGES = """
    INSERT INTO messages (id, workspace_id, agent_id, channel_type, customer_id, content, status, provider_ids, created_at,
                          updated_at)
    SELECT :prefix || n, :workspace, :agent, 'TELEGRAM', 'many' || n, 'x', 'RETRYING', '{}', now(), now()
    FROM generate_series(1, :count) AS n
"""


def fill(*statements: str, **values: object) -> None:
    with transaction() as session:
        for sql in statements:
            session.execute(text(sql), values)


def tell_postgres(*statements: str) -> None:
    """Each outside of a transaction, as VACUUM needs it."""
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for sql in statements:
            connection.exec_driver_sql(sql)
