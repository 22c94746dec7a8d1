"""What the console's pages cost beside many rows: each page against its SQL in the same run."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg2.extensions
from figures import Figure, compare
from filling import fill, tell_postgres
from harness import Servers
from sqlalchemy import event

DOCUMENTS, MESSAGES, FEW = 100_000, 1_000_000, 10_000
ROUNDS = 15
NAMES = {"doc": "doc_many00000007", "message": "msg_many00000007"}  # of the pages of one thing

# Of twenty documents one could not be read; of fifty messages one is FAILED. All of it over thirty days.
WHEN = "now() - interval '30 days' * n / :count"
DOCUMENT_ROWS = f"""
    INSERT INTO documents (id, workspace_id, agent_id, type, kind, title, source_hash, status, chunk_count, stage_done,
                           stage_total, error_msg, created_at, updated_at)
    SELECT 'doc_many' || to_char(n, 'FM00000000'), :workspace, :agent, 'text', 'text', 'Manual number ' || n,
           sha256(n::text::bytea), CASE WHEN n % 20 = 0 THEN 'ERROR' ELSE 'READY' END, 40, 0, 0,
           CASE WHEN n % 20 = 0 THEN 'This PDF has no text: its pages are pictures.' END, {WHEN}, {WHEN}
    FROM generate_series(1, :count) AS n
"""
CHUNK_ROWS = """
    INSERT INTO chunks (doc_id, chunk_idx, agent_id, content, page, headings, start_char, end_char, model, embedding, language,
                        words)
    SELECT :doc, n, :agent, repeat('A sentence of some words. ', 40), n, '{Manual,Part}', n * 1000, n * 1000 + 999, 'local',
           array_fill(0.025::real, ARRAY[1536])::vector, 'english', '{}/536870912' FROM generate_series(0, 200) AS n
"""
MESSAGE_ROWS = f"""
    INSERT INTO messages (id, workspace_id, agent_id, channel_type, customer_id, content, status, provider_ids, error,
                          created_at, updated_at)
    SELECT 'msg_many' || to_char(n, 'FM00000000'), :workspace, :agent, 'TELEGRAM', 'customer ' || n % 50000,
           'Your parcel number ' || n || ' is on its way.', CASE WHEN n % 50 = 0 THEN 'FAILED' ELSE 'SENT' END, '{{}}',
           CASE WHEN n % 50 = 0 THEN 'Telegram: chat not found.' END, {WHEN}, {WHEN}
    FROM generate_series(1, :count) AS n
"""
ATTEMPT_ROWS = f"""
    INSERT INTO message_attempts (message_id, generation, at, credentials_version, outcome, http_status, error)
    SELECT 'msg_many' || to_char(n, 'FM00000000'), 1, {WHEN}, 1, CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'sent' END, 200, NULL
    FROM generate_series(1, :count) AS n
"""
OUTBOX_ROWS = f"""
    INSERT INTO outbox (job, row_id, workspace_id, state, lane, lane_seq, runs, error, due_at, updated_at)
    SELECT :job, :prefix || to_char(n, 'FM00000000'), :workspace, CASE WHEN n % :failed = 0 THEN 'failed' ELSE 'done' END,
           :lane || n % 50000, n, 1, CASE WHEN n % :failed = 0 THEN 'Error number ' || n % 7 END, {WHEN}, {WHEN}
    FROM generate_series(1, :count) AS n
"""
EMAIL_ROWS = f"""
    INSERT INTO emails (id, workspace_id, kind, key, to_address, subject, html, text, status, key_round, created_at, updated_at)
    SELECT 'eml_many' || n, :workspace, 'handoff', 'key ' || n, 'team@example.com', 'A customer is waiting', '<p>Hello</p>',
           'Hello', 'SENT', 0, {WHEN}, {WHEN} FROM generate_series(1, :count) AS n
"""
LEDGER_ROWS = f"""
    INSERT INTO ledger (workspace_id, kind, key, amount, reason, created_at)
    SELECT :workspace, 'usage', 'use ' || n, -1, 'An answer', {WHEN} FROM generate_series(1, :count) AS n
"""


def fill_all(workspace: str, agent: str) -> None:
    own = dict(workspace=workspace, agent=agent)
    fill(DOCUMENT_ROWS, count=DOCUMENTS, **own)
    fill(CHUNK_ROWS, doc=NAMES["doc"], agent=agent)
    fill(OUTBOX_ROWS, count=DOCUMENTS, job="ingestion.ingest", prefix="doc_many", lane=None, failed=20, **own)
    fill(MESSAGE_ROWS, ATTEMPT_ROWS, count=MESSAGES, **own)
    fill(
        OUTBOX_ROWS,
        count=MESSAGES,
        job="webhook_retry.retry_send",
        prefix="msg_many",
        lane="TELEGRAM/",
        failed=50,
        **own,
    )
    fill(EMAIL_ROWS, LEDGER_ROWS, count=FEW, **own)
    tell_postgres("VACUUM ANALYZE")


class Sql:
    """How long the SQL of a request took: from each statement to its last row, as its caller waits for it."""

    seconds = 0.0

    def cursor(self) -> type[psycopg2.extensions.cursor]:
        sql = self

        class Timed(psycopg2.extensions.cursor):
            def execute(self, *arguments: Any) -> None:
                begun = time.perf_counter()
                try:
                    super().execute(*arguments)
                finally:
                    sql.seconds += time.perf_counter() - begun

        return Timed


@contextmanager
def timed() -> Iterator[Sql]:
    from nightshift.db.session import engine

    sql = Sql()
    cursor = sql.cursor()
    engine().dispose()
    event.listen(engine(), "connect", lambda connection, record: setattr(connection, "cursor_factory", cursor))
    yield sql


def visitor(app: Any, key: str) -> Any:
    client = app.test_client()
    assert client.post("/console/sign-in", data={"key": key}).status_code == 303
    return client


def pages(access: str) -> Iterator[str]:
    """The addresses of all pages that such a session may open."""
    from web.routing import declared

    for route in declared():
        if route.is_page and route.method == "GET" and route.access == access:
            yield route.path


def page_and_sql(open_page: Callable[[], Any], sql: Sql) -> tuple[float, float]:
    """Medians, in milliseconds."""
    taken = []
    for _ in range(ROUNDS):
        sql.seconds = 0.0
        begun = time.perf_counter()
        answer = open_page()
        taken.append((time.perf_counter() - begun, sql.seconds))
        assert answer.status_code == 200, answer.text[:500]
    page, of_sql = (statistics.median(part) * 1000 for part in zip(*taken, strict=True))
    return page, of_sql


def measure(servers: Servers) -> list[Figure]:
    from nightshift import workspaces
    from nightshift.db.session import transaction
    from nightshift.settings import settings
    from runner.operations import figures
    from web import create_app

    with transaction() as session:
        made, agent, key = workspaces.create(session, "Many", "x@example.com", 0, 0)
    fill_all(made.id, agent.id)
    app, rows = create_app(), list[Figure]()
    keys = {"console": key, "console-operator": settings().admin_api_key}
    with timed() as sql, patch.object(figures, "SHARE", 0):
        for access, its_key in keys.items():
            client = visitor(app, its_key)
            for path in pages(access):
                address = path.replace("<doc_id>", NAMES["doc"]).replace("<message_id>", NAMES["message"])
                page, of_sql = page_and_sql(lambda client=client, address=address: client.get(address), sql)
                rows.append(compare(f"{path}, against its SQL", page, of_sql, "ms", "<= 1.5"))
    return rows
