"""What must not grow: another workspace's wait behind a crowd, the sweep with what is stored."""

import statistics
import sys
import time

from harness import Figure, compare, median_seconds
from jobs.ring import ring_due
from jobs.sweep import sweep
from sending import JOB, keep, tenant, vendor, webhook_workers
from sqlalchemy import text
from working import supervised

from jobs import ingestion
from jobs.queues import QUEUES
from nightshift.db.session import statement, transaction

CROWD = 10_000
FINISHED = 1_000_000

WORK = """
    INSERT INTO work (job, row_id, workspace_id, state, due_at, generation, runs, failures, deaths, waited_seconds,
                      updated_at, lane)
    SELECT :job, :prefix || n, :workspace, :state, now(), 0, 0, 0, 0, 0, now(), :lane || n
    FROM generate_series(1, :count) AS n
"""
DOCUMENTS = """
    INSERT INTO documents (id, workspace_id, agent_id, type, kind, title, source_hash, status, chunk_count, stage_done,
                           stage_total, created_at, updated_at)
    SELECT :prefix || n, :workspace, :agent, 'text', 'text', 'One of many', sha256((:prefix || n)::bytea), 'PENDING', 0, 0, 0,
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


def fill(statements: tuple[str, ...], **values: object) -> None:
    with transaction() as session:
        for sql in statements:
            session.execute(text(sql), values)


def done(job: str, workspace_id: str) -> int:
    sql = "SELECT count(*) AS n FROM work WHERE job = %(job)s AND workspace_id = %(workspace)s AND state = 'done'"
    return int(statement(sql, job=job, workspace=workspace_id)[0].n)


def passed(job: str, crowd: str, other: str) -> int:
    """How many of the crowd's jobs end between the ring for the other workspace's one and that one's end."""
    while done(job, crowd) < 50:
        time.sleep(0.02)
    before = done(job, crowd)
    ring_due(job, other)
    while not done(job, other):
        time.sleep(0.005)
    return done(job, crowd) - before


def documents_behind(environment: dict[str, str]) -> int:
    crowd, agent_id = tenant()
    other, other_agent = tenant()
    values = dict(job="ingest", lane=None, state="pending")
    fill((DOCUMENTS, PARTS, WORK), prefix="doc_many", workspace=crowd, agent=agent_id, count=CROWD, **values)
    with supervised([sys.executable, "worker.py", "ingestion"], environment, ["ingestion"]):
        ring_due("ingest", crowd)
        fill((DOCUMENTS, PARTS, WORK), prefix="doc_late", workspace=other, agent=other_agent, count=1, **values)
        return passed(ingestion.JOB.name, crowd, other)


def messages_behind(environment: dict[str, str]) -> int:
    with vendor() as tell:
        (crowd, agent_id), (other, other_agent) = tenant(), tenant()
        fill((MESSAGES, WORK), prefix="msg_many", workspace=crowd, agent=agent_id, count=CROWD, job=JOB.name,
             state="pending", lane="TELEGRAM/many")  # fmt: skip
        tell("/fail")
        keep(other, other_agent, 1, 1)
        tell("/work")
        with webhook_workers(environment):
            ring_due(JOB.name, crowd)
            statement("UPDATE work SET due_at = now() WHERE workspace_id = %(other)s", other=other)
            return passed(JOB.name, crowd, other)


def fairness(name: str, behind: int, queue: str) -> Figure:
    """At most the jobs that run, and those that were rung before it."""
    slots = QUEUES[queue].workers
    return compare(f"{name}: of a crowd of 10,000 ended meanwhile, against a round", behind, slots, "jobs", "<= 2")


def sweeping() -> Figure:
    """A sweep with nothing to do, when nothing is stored and when a million rows are finished."""
    for table in ("work", "messages", "documents"):  # the crowds
        statement(f"DELETE FROM {table}")
    statement("VACUUM ANALYZE work")
    empty = statistics.median(median_seconds(sweep, 15) for _ in range(3))
    workspace_id, _ = tenant()
    fill((WORK,), prefix="old", workspace=workspace_id, count=FINISHED, job="ingest", state="done", lane=None)
    statement("VACUUM ANALYZE work")
    full = statistics.median(median_seconds(sweep, 15) for _ in range(3))
    statement("DELETE FROM work")
    return compare("a sweep beside 1,000,000 finished rows, against none", full * 1000, empty * 1000, "ms", "<= 1.5")


def measure(environment: dict[str, str]) -> list[Figure]:
    return [
        fairness("a document", documents_behind(environment), "ingestion"),
        fairness("a message", messages_behind(environment), "webhook-retry"),
        sweeping(),
    ]
