"""What the console's pages cost beside many rows: each page against its SQL in the same run."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import psycopg2.extensions
from figures import Figure, compare
from filling import fill, tell_postgres
from harness import Servers
from sqlalchemy import event

ROUNDS = 15

# Of twenty documents one could not be read; of fifty messages one is FAILED. All of it over thirty days.
WHEN = "now() - interval '30 days' * n / :count"
DOCUMENT_ROWS = f"""
    INSERT INTO documents (id, workspace_id, agent_id, type, kind, title, source_hash, status, chunk_count, stage_done,
                           stage_total, error_msg, created_at, updated_at)
    SELECT 'doc_' || :prefix || n, :workspace, :agent, 'text', 'text', 'Manual number ' || n,
           sha256((:prefix || n)::bytea), CASE WHEN n % 20 = 0 THEN 'ERROR' ELSE 'READY' END, 40, 0, 0,
           CASE WHEN n % 20 = 0 THEN 'This PDF has no text: its pages are pictures.' END, {WHEN}, {WHEN}
    FROM generate_series(1, :count) AS n
"""
CHUNK_ROWS = """
    INSERT INTO chunks (doc_id, chunk_idx, agent_id, content, page, headings, start_char, end_char, model, embedding, language,
                        words)
    SELECT 'doc_' || :prefix || 7, n, :agent, repeat('A sentence of words. ', 50), n, '{Manual,Part}', n * 1000, n * 1000 + 999,
           'local', array_fill(0.025::real, ARRAY[1536])::vector, 'english', '{}/536870912' FROM generate_series(0, 200) AS n
"""
MESSAGE_ROWS = f"""
    INSERT INTO messages (id, workspace_id, agent_id, channel_type, customer_id, content, status, provider_ids, error,
                          created_at, updated_at)
    SELECT 'msg_' || :prefix || n, :workspace, :agent, 'TELEGRAM', 'customer ' || n % 50000,
           'Your parcel number ' || n || ' is on its way.', CASE WHEN n % 50 = 0 THEN 'FAILED' ELSE 'SENT' END, '{{}}',
           CASE WHEN n % 50 = 0 THEN 'Telegram: chat not found.' END, {WHEN}, {WHEN}
    FROM generate_series(1, :count) AS n
"""
ATTEMPT_ROWS = f"""
    INSERT INTO message_attempts (message_id, generation, at, credentials_version, outcome, http_status, error)
    SELECT 'msg_' || :prefix || n, 1, {WHEN}, 1, CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'sent' END, 200, NULL
    FROM generate_series(1, :count) AS n
"""
OUTBOX_ROWS = f"""
    INSERT INTO outbox (job, row_id, workspace_id, state, lane, lane_seq, runs, error, due_at, updated_at)
    SELECT :job, :kind || :prefix || n, :workspace, CASE WHEN n % :failed = 0 THEN 'failed' ELSE 'done' END,
           :lane || n % 50000, n, 1, CASE WHEN n % :failed = 0 THEN 'Error number ' || n % 7 END, {WHEN}, {WHEN}
    FROM generate_series(1, :count) AS n
"""
EMAIL_ROWS = f"""
    INSERT INTO emails (id, workspace_id, kind, key, to_address, subject, html, text, status, key_round, created_at, updated_at)
    SELECT 'eml_' || :prefix || n, :workspace, 'handoff', 'key ' || n, 'team@example.com', 'A customer is waiting',
           '<p>Hello</p>', 'Hello', 'SENT', 0, {WHEN}, {WHEN} FROM generate_series(1, :count) AS n
"""
LEDGER_ROWS = f"""
    INSERT INTO ledger (workspace_id, kind, key, amount, reason, created_at)
    SELECT :workspace, 'usage', 'use ' || n, -1, 'An answer', {WHEN} FROM generate_series(1, :count) AS n
"""


@dataclass(frozen=True)
class Size:
    """How much a workspace has; `prefix` tells its rows from those of another one."""

    prefix: str
    documents: int
    messages: int
    others: int

    def fill(self) -> str:
        """A workspace with all of it: its key."""
        from nightshift import workspaces
        from nightshift.db.session import transaction

        with transaction() as session:
            made, agent, key = workspaces.create(session, self.prefix, "x@example.com", 0, 0)
        own = dict(workspace=made.id, agent=agent.id, prefix=self.prefix)
        fill(DOCUMENT_ROWS, count=self.documents, **own)
        fill(CHUNK_ROWS, **own)
        fill(OUTBOX_ROWS, count=self.documents, job="ingestion.ingest", kind="doc_", lane=None, failed=20, **own)
        fill(MESSAGE_ROWS, ATTEMPT_ROWS, count=self.messages, **own)
        sent = dict(job="webhook_retry.retry_send", kind="msg_", lane="TELEGRAM/", failed=50)
        fill(OUTBOX_ROWS, count=self.messages, **sent, **own)
        fill(EMAIL_ROWS, LEDGER_ROWS, count=self.others, **own)
        tell_postgres("VACUUM ANALYZE")
        return key

    def address(self, path: str) -> str:
        return path.replace("<doc_id>", f"doc_{self.prefix}7").replace("<message_id>", f"msg_{self.prefix}7")


FEW, MANY = Size("few", 100, 100, 100), Size("many", 100_000, 1_000_000, 10_000)


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


def all_pages(app: Any, size: Size, sql: Sql) -> dict[str, tuple[float, float]]:
    """By its address, what each page takes, and what of that is its SQL."""
    from nightshift.settings import settings

    keys = {"console": size.fill(), "console-operator": settings().admin_api_key}
    found = {}
    for access, key in keys.items():
        client = visitor(app, key)
        for path in pages(access):
            found[path] = page_and_sql(partial(client.get, size.address(path)), sql)
    return found


def measure(servers: Servers) -> list[Figure]:
    from runner.operations import kept
    from web import create_app

    app = create_app()
    with timed() as sql, patch.object(kept, "SHARE", 0):  # its figures are read each time
        few, many = all_pages(app, FEW, sql), all_pages(app, MANY, sql)
    return [of_page(path, few[path], many[path]) for path in many]


def of_page(path: str, few: tuple[float, float], many: tuple[float, float]) -> Figure:
    """The yardstick is its SQL and what it takes beside that where little is stored: parsing, signing in, HTML."""
    yardstick = many[1] + few[0] - few[1]
    remark = f"of which SQL {many[1]:.1f} ms; beside few rows {few[0]:.1f} ms, of which SQL {few[1]:.1f} ms"
    name = f"{path} beside 1,100,000 rows, against its SQL and its HTML"
    return compare(name, many[0], yardstick, "ms", "<= 1.5", remark)
