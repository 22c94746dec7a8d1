"""Documents as their owner sees them: accept, show, list, ingest again, delete."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from types import SimpleNamespace
from typing import IO, Any

from sqlalchemy import Row, bindparam, case, delete, func, select, text, union, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, defer

from nightshift import clock, outbox, tracing
from nightshift.db.models import Chunk, Document, DocumentPart, Outbox, Retry
from nightshift.db.session import execute, transaction
from nightshift.ids import new_id
from nightshift.outbox import retries

JOB = "ingestion.ingest"
PART_BYTES = 1 << 20


@dataclass(frozen=True)
class Source:
    """What a caller handed in. `digest` says when two are the same; `stream` is read once, a MiB at a time."""

    type: str
    kind: str
    title: str
    digest: bytes
    stream: IO[bytes]


# A document (`Document`), its attempts so far and when the next one is. It is PROCESSING from the moment a worker has it, a
# little before that worker writes it into the row.
STATUS: Any = case((Outbox.state == "running", "PROCESSING"), else_=Document.status)
WILL_RETRY = (STATUS == "ERROR") & Outbox.state.in_(("pending", "dispatched"))
SHOWN = (
    select(
        Document,
        STATUS.label("status"),
        func.coalesce(Outbox.runs, 0).label("attempts"),
        case((WILL_RETRY, Outbox.due_at), else_=Retry.at).label("retry_at"),
    )
    .outerjoin(Outbox, (Outbox.job == JOB) & (Outbox.row_id == Document.id))
    .outerjoin(Retry, retries.JOIN)
)
# Made once: that takes as long as running it.
ONE = SHOWN.where(Document.id == bindparam("id"), Document.workspace_id == bindparam("workspace"))


# The document, its first part and its outbox row in one round trip; nothing where the source is there already, or the agent
# is not this workspace's.
ACCEPT = """
    WITH doc AS (
        INSERT INTO documents (id, workspace_id, agent_id, type, kind, title, source_hash, status, chunk_count,
                               stage_done, stage_total, created_at, updated_at)
        SELECT %(id)s, %(workspace)s, id, %(type)s, %(kind)s, %(title)s, %(digest)s, 'PENDING', 0, 0, 0, %(now)s, %(now)s
        FROM agents WHERE id = %(agent)s AND workspace_id = %(workspace)s
        ON CONFLICT (agent_id, source_hash) DO NOTHING RETURNING id
    ), part AS (
        INSERT INTO document_parts (doc_id, part, data) SELECT id, 0, %(data)s FROM doc
    ), enqueued AS (
        INSERT INTO outbox (job, row_id, workspace_id, traceparent) SELECT %(job)s, id, %(workspace)s, %(traceparent)s FROM doc
    )
    SELECT id FROM doc
"""


UNREADY = ("PENDING", "PROCESSING", "ERROR")
COUNT = text("""
    SELECT name, (SELECT count(*) FROM (SELECT FROM documents WHERE agent_id = :agent AND status = name AND status <> 'READY'
                                        LIMIT :most) AS found)
    FROM unnest(CAST(:names AS text[])) AS names (name)
""")


def accept(
    session: Session, workspace_id: str, agent_id: str, source: Source, *, alone: bool = False
) -> tuple[Any, bool] | None:
    """The document of this source in this agent (see SHOWN), and whether it is enqueued now; None without such an agent.

    The same source again is the same document, by constraint; one that ended in ERROR is tried again. `alone`: see `execute`.
    """
    now, first = clock.now(), source.stream.read(PART_BYTES)
    shown = dict(
        id=(doc_id := new_id("doc")), agent_id=agent_id, type=source.type, title=source.title, chunk_count=0, error_msg=None,
        stage=None, stage_done=0, stage_total=0, created_at=now, updated_at=now,
    )  # fmt: skip
    values = dict(
        id=doc_id, workspace=workspace_id, agent=agent_id, type=source.type, kind=source.kind, title=source.title,
        digest=source.digest, now=now, job=JOB, data=first, traceparent=tracing.traceparent(),
    )  # fmt: skip
    if execute(session, ACCEPT, alone=alone and len(first) < PART_BYTES, **values):
        tracing.add_id("row", doc_id)
        outbox.note_enqueued(session, JOB, workspace_id)
        for number, data in enumerate(iter(lambda: source.stream.read(PART_BYTES), b""), 1):
            session.execute(insert(DocumentPart).values(doc_id=doc_id, part=number, data=data))
        return SimpleNamespace(Document=SimpleNamespace(**shown), status="PENDING", attempts=0, retry_at=None), True
    same = select(Document).where(Document.agent_id == agent_id, Document.source_hash == source.digest)
    there = session.scalars(same.where(Document.workspace_id == workspace_id)).one_or_none()
    if there is None:
        return None
    if there.status == "ERROR":
        reingest(session, there)
        return find(session, workspace_id, there.id), True
    return find(session, workspace_id, there.id), False


def reingest(session: Session, doc: Document) -> None:
    """Ingest again, with all attempts. What is searchable stays so until the new chunks are in."""
    outbox.enqueue(session, JOB, doc.id, doc.workspace_id)
    waiting = dict(status="PENDING", error_msg=None, stage=None, stage_done=0, stage_total=0, updated_at=clock.now())
    session.execute(update(Document).where(Document.id == doc.id).values(waiting))


def remove(session: Session, doc: Document) -> None:
    """Delete the document, its source and its chunks; a running ingest loses its lease and leaves nothing behind."""
    outbox.delete(session, JOB, doc.id)
    session.execute(delete(Document).where(Document.id == doc.id))


def find(session: Session, workspace_id: str, doc_id: str) -> Row[Any] | None:
    """One document of this workspace: see SHOWN."""
    values = dict(id=doc_id, workspace=workspace_id)
    return session.execute(ONE, values, execution_options={"populate_existing": True}).one_or_none()


def listed(session: Session, agent_id: str, status: str | None, before: str | None, limit: int) -> Sequence[Row[Any]]:
    """An agent's documents, newest first, from the one before `before` on."""
    query = SHOWN.where(Document.agent_id == agent_id).order_by(Document.id.desc()).limit(limit)
    if status == "PROCESSING":
        running = select(Outbox.row_id).where(Outbox.job == JOB, Outbox.state == "running")
        written = select(Document.id).where(Document.agent_id == agent_id, Document.status == status)
        query = query.where(Document.id.in_(union(running, written)))
    elif status:
        query = query.where(Document.status == status, Outbox.state.is_distinct_from("running"))
    if before:
        query = query.where(Document.id < before)
    return session.execute(query).all()


def unready(session: Session, agent_id: str, most: int) -> dict[str, int]:
    """How many of an agent's documents are in each status but READY; counted up to `most`."""
    values = dict(agent=agent_id, most=most, names=list(UNREADY))
    return {name: number for name, number in session.execute(COUNT, values)}  # noqa: C416 rows are no pairs to mypy


def chunks(session: Session, doc_id: str, from_idx: int, limit: int) -> list[Chunk]:
    """A document's chunks in reading order, from number `from_idx` on, without what they are found by."""
    here = select(Chunk).where(Chunk.doc_id == doc_id, Chunk.chunk_idx >= from_idx).order_by(Chunk.chunk_idx)
    return list(session.scalars(here.limit(limit).options(defer(Chunk.embedding), defer(Chunk.words))))


@contextmanager
def source_file(doc_id: str) -> Iterator[IO[bytes]]:
    """The source's bytes as a file for the time of the block. It has no name, so a process that is killed leaves nothing."""
    with TemporaryFile() as file:
        query = select(DocumentPart.data).where(DocumentPart.doc_id == doc_id).order_by(DocumentPart.part)
        with transaction() as session:
            for data in session.scalars(query.execution_options(yield_per=4)):
                file.write(data)
        file.seek(0)
        yield file
