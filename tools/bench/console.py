"""What the console's pages cost beside many rows: each page against its SQL in the same run."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import psycopg2.extensions
from figures import Figure, compare
from filling import fill, tell_postgres
from harness import Servers
from sqlalchemy import event

ROUNDS = 25
NAMES = {"doc_id": "doc_{}7", "message_id": "msg_{}7", "email_id": "eml_{}7", "channel_type": "TELEGRAM"}
FILTERED = ("/console/knowledge?status=ERROR", "/console/messages?status=FAILED", "/console/messages?text=number 77")

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
CHANNEL_ROW = """
    INSERT INTO channels (workspace_id, type, credentials, version, state, updated_at, since, hook_id, verify_token)
    VALUES (:workspace, 'TELEGRAM', 'sealed', 1, 'ACTIVE', now(), now(), :prefix, :prefix)
"""
LEDGER_ROWS = f"""
    INSERT INTO ledger (workspace_id, kind, key, amount, reason, created_at)
    SELECT :workspace, 'usage', 'use ' || n, -1, 'An answer', {WHEN} FROM generate_series(1, :count) AS n
"""


def close_days() -> None:
    """What the scheduler and the nightly roll-up have done by now with the days, and the hours, that are over."""
    from nightshift.analytics import rollup
    from nightshift.clock import today
    from nightshift.db.session import transaction
    from nightshift.outbox.done import count_hours

    for ago in range(1, 32):
        with transaction() as session:
            rollup.recount(session, today() - timedelta(days=ago))
    tell_postgres("DELETE FROM done_hours")  # rows of the past came after they were counted
    count_hours()


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
        fill(CHUNK_ROWS, CHANNEL_ROW, **own)
        fill(OUTBOX_ROWS, count=self.documents, job="ingestion.ingest", kind="doc_", lane=None, failed=20, **own)
        fill(MESSAGE_ROWS, ATTEMPT_ROWS, count=self.messages, **own)
        sent = dict(job="webhook_retry.retry_send", kind="msg_", lane="TELEGRAM/", failed=50)
        fill(OUTBOX_ROWS, count=self.messages, **sent, **own)
        fill(EMAIL_ROWS, LEDGER_ROWS, count=self.others, **own)
        close_days()
        tell_postgres("VACUUM ANALYZE")
        return key

    def address(self, path: str) -> str:
        """Of a page of one thing, that of one which is there."""
        for name, value in NAMES.items():
            path = path.replace(f"<{name}>", value.format(self.prefix))
        return path


FEW, MANY = Size("few", 100, 100, 100), Size("many", 100_000, 1_000_000, 10_000)


class Timed(psycopg2.extensions.cursor):
    """Adds up how long its statements take, as their callers wait for them."""

    seconds = 0.0

    def execute(self, *arguments: Any) -> None:
        begun = time.perf_counter()
        try:
            super().execute(*arguments)
        finally:
            Timed.seconds += time.perf_counter() - begun


def time_sql() -> None:
    """Of every statement of this process from now on."""
    from nightshift.db.session import engine

    engine().dispose()
    event.listen(engine(), "connect", lambda connection, record: setattr(connection, "cursor_factory", Timed))


def visitor(app: Any, key: str) -> Any:
    client = app.test_client()
    assert client.post("/console/sign-in", data={"key": key}).status_code == 303
    return client


def pages(*access: str) -> list[str]:
    """The addresses of all pages that such a session may open."""
    from web.console.session import HOME
    from web.routing import declared

    return [r.path for r in declared() if r.is_page and r.method == "GET" and r.access in access and r.path != HOME]


def page_and_sql(open_page: Callable[[], Any]) -> tuple[float, float]:
    """Of the fastest of its rounds, in milliseconds: what else this machine does is no part of it."""
    taken = []
    for _ in range(ROUNDS):
        Timed.seconds = 0.0
        begun = time.perf_counter()
        answer = open_page()
        taken.append((time.perf_counter() - begun, Timed.seconds))
        assert answer.status_code == 200, (answer.request.path, answer.status)
    page, of_sql = min(taken)
    return page * 1000, of_sql * 1000


def all_pages(app: Any, size: Size) -> dict[str, tuple[float, float]]:
    """By its address, what each page takes, and what of that is its SQL."""
    from nightshift.settings import settings

    support, operator = visitor(app, size.fill()), visitor(app, settings().admin_api_key)
    whose = [(support, path) for path in [*pages("console", "console-either"), *FILTERED]]
    whose += [(operator, path) for path in pages("console-operator")]
    return {path: page_and_sql(partial(who.get, size.address(path))) for who, path in whose}


def measure(servers: Servers) -> list[Figure]:
    from runner.operations import kept
    from web import create_app

    app = create_app()
    time_sql()
    with patch.object(kept, "SHARE", 0):  # its figures are read each time
        few, many = all_pages(app, FEW), all_pages(app, MANY)
    return [of_page(path, few[path], many[path]) for path in many]


def of_page(path: str, few: tuple[float, float], many: tuple[float, float]) -> Figure:
    """The yardstick is its SQL and what it takes beside that where little is stored: parsing, signing in, HTML."""
    yardstick = many[1] + few[0] - few[1]
    remark = f"of which SQL {many[1]:.1f} ms; beside few rows {few[0]:.1f} ms, of which SQL {few[1]:.1f} ms"
    name = f"{path} beside 1,100,000 rows, against its SQL and its HTML"
    return compare(name, many[0], yardstick, "ms", "<= 1.5", remark)
