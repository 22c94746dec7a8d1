"""Ingests a document: from its source to searchable chunks."""

import time
from collections.abc import Callable
from functools import partial
from itertools import chain, islice
from tempfile import TemporaryFile
from typing import IO

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from nightshift import clock, events
from nightshift.db.models import Chunk, Document, PaidEmbedding
from nightshift.db.session import transaction
from nightshift.errors import PermanentError
from nightshift.knowledge import documents, store
from nightshift.knowledge.ahead import Ahead
from nightshift.knowledge.chunk import Chunk as Passage
from nightshift.knowledge.chunk import chunks
from nightshift.knowledge.embed import embedder
from nightshift.knowledge.extract import extract
from nightshift.knowledge.fetch import fetch
from nightshift.knowledge.language import language_of
from nightshift.knowledge.vectors import embedded
from nightshift.outbox import Lease
from nightshift.retry_policy import Failure

PROGRESS_SECONDS = 0.5  # at most one progress event in this time within a stage
LANGUAGE_PASSAGES = 8  # at the beginning, by which the language is found


def ingest(lease: Lease) -> None:
    """Extract, chunk, embed, and replace the document's chunks in one transaction; then it is READY.

    The file is read while the passages before are embedded. What is to be stored waits in a temporary file, so that the
    transaction is short. In memory are the passages that wait and one vector for each different text.

    Raises PermanentError and TemporaryError with a sentence for the customer, LeaseLost where the document was deleted
    or enqueued again meanwhile.
    """
    doc = _begin(lease)
    with documents.source_file(doc.id) as file:
        kind = _fetched(doc, file) if doc.kind == "url" else doc.kind
        if kind is None:
            _leave_as_it_is(lease, doc)
            return
        with extract(kind, file) as found, TemporaryFile() as rows:
            passages = Ahead(chunks(found.blocks))
            language = _pack(lease, doc, passages, rows)
            _report(lease, "store", 0, passages.count)
            rows.seek(0)
            _finish(lease, doc, language, rows, passages.count, found.notes)


def failed(session: Session, lease: Lease, failure: Failure) -> None:
    """Show a failed attempt in the document's row; the last one as an event too."""
    shown = dict(status="ERROR", error_msg=failure.sentence, stage=None, stage_done=0, stage_total=0)
    query = update(Document).where(Document.id == lease.row_id).values(shown).returning(Document.workspace_id)
    workspace_id = session.scalar(query)
    if workspace_id and failure.retry_in is None:
        events.emit(session, workspace_id, "knowledge_error", {"docId": lease.row_id, "errorMsg": failure.sentence})


def _begin(lease: Lease) -> Document:
    with transaction() as session:
        lease.fence(session)
        doc = session.get(Document, lease.row_id)
        if doc is None:
            raise PermanentError("This document no longer exists.")
        doc.status, doc.error_msg = "PROCESSING", None
        _progress(session, doc, "extract", 0, 1)
        session.flush()
        session.expunge(doc)
        return doc


def _fetched(doc: Document, file: IO[bytes]) -> str | None:
    """Fetch the address in the file and put what came in its place: the kind of what came, None where it is unchanged."""
    with transaction() as session:
        current = Chunk.model == embedder().model
        there = session.scalar(select(func.count()).where(Chunk.doc_id == doc.id, current))
    known = (doc.etag, doc.last_modified) if there else (None, None)
    page = fetch(file.read().decode(), *known)
    if page is None:
        return None
    doc.etag, doc.last_modified = page.etag, page.last_modified
    file.seek(0)
    file.truncate()
    file.write(page.body)
    return page.kind


def _leave_as_it_is(lease: Lease, doc: Document) -> None:
    with transaction() as session:
        lease.finish(session)
        count = Document.chunk_count
        same = dict(status="READY", stage="store", stage_done=count, stage_total=count)
        chunks = session.scalar(update(Document).where(Document.id == doc.id).values(same).returning(count))
        events.emit(session, doc.workspace_id, "knowledge_ready", {"docId": doc.id, "chunkCount": chunks})


def _pack(lease: Lease, doc: Document, passages: Ahead[Passage], rows: IO[bytes]) -> str:
    """Write the rows of the passages as they come. Returns their language."""
    beginning = list(islice(passages, LANGUAGE_PASSAGES))
    language = language_of(" ".join(passage.content for passage in beginning))
    every, report = chain(beginning, passages), _reporter(lease, passages)
    vectors = embedded(every, lease, embedder(), report, keep_current=doc.kind == "url")
    rows.writelines(store.pack(store.Labels(doc.id, doc.agent_id, embedder().model, language), vectors))
    return language


def _finish(lease: Lease, doc: Document, language: str, rows: IO[bytes], count: int, notes: list[str]) -> None:
    with transaction() as session:
        lease.finish(session)
        store.replace(session, doc.id, iter(partial(rows.read, store.PIECE_BYTES), b""))
        session.execute(delete(PaidEmbedding).where(PaidEmbedding.doc_id == doc.id))
        ready = dict(
            status="READY", etag=doc.etag, last_modified=doc.last_modified, language=language, chunk_count=count,
            error_msg=" ".join(notes) or None, stage="store", stage_done=count, stage_total=count,
            first_ready_at=func.coalesce(Document.first_ready_at, clock.now()),
        )  # fmt: skip
        session.execute(update(Document).where(Document.id == doc.id).values(ready))
        events.emit(session, doc.workspace_id, "knowledge_ready", {"docId": doc.id, "chunkCount": count})


def _report(lease: Lease, stage: str, done: int, total: int) -> None:
    with transaction() as session:
        lease.fence(session)
        doc = session.get(Document, lease.row_id)
        if doc is not None:
            _progress(session, doc, stage, done, total)


def _progress(session: Session, doc: Document, stage: str, done: int, total: int) -> None:
    doc.stage, doc.stage_done, doc.stage_total = stage, done, total
    data = {"docId": doc.id, "stage": stage, "done": done, "total": total}
    events.emit(session, doc.workspace_id, "knowledge_progress", data)


def _reporter(lease: Lease, passages: Ahead[Passage]) -> Callable[[int], None]:
    """Reports the embedding's progress, at most twice a second."""
    last = -PROGRESS_SECONDS

    def report(done: int) -> None:
        nonlocal last
        if time.monotonic() - last >= PROGRESS_SECONDS:
            last = time.monotonic()
            _report(lease, "embed", done, passages.count)

    return report
