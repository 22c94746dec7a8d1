"""A document's way from its source to searchable chunks."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence

import numpy as np
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from nightshift import events
from nightshift.db.models import Document, PaidEmbedding
from nightshift.db.session import transaction
from nightshift.errors import LeaseLost, PermanentError
from nightshift.knowledge import documents, store
from nightshift.knowledge.chunk import Chunk, chunk
from nightshift.knowledge.embed import Embedder, Vectors, batches, embedder
from nightshift.knowledge.extract import Extracted, extract
from nightshift.knowledge.language import language_of
from nightshift.work import Failure, Lease

PROGRESS_SECONDS = 0.5  # at most one progress event in this time within a stage


def ingest(lease: Lease) -> None:
    """Extract, chunk, embed, and replace the document's chunks in one transaction; then it is READY.

    Raises PermanentError and TemporaryError with a sentence for the customer, LeaseLost where the document was deleted
    or ordered again meanwhile.
    """
    doc = _begin(lease)
    with documents.source_file(doc.id) as path:
        extracted = extract(doc.kind, path)
    passages = chunk(extracted.blocks)
    if not passages:
        raise PermanentError("The document contains no text.")
    language = language_of(" ".join(p.content for p in passages[:8]))
    vectors = _Embedding(lease, embedder()).of([p.content for p in passages])
    _report(lease, "store", 0, len(passages))
    _finish(lease, doc, extracted, passages, vectors, language)


def failed(session: Session, doc_id: str, failure: Failure) -> None:
    """Show a failed run in the document's row; the last one as an event too."""
    shown = dict(status="ERROR", error_msg=failure.sentence, stage=None, stage_done=0, stage_total=0)
    query = update(Document).where(Document.id == doc_id).values(shown).returning(Document.workspace_id)
    workspace_id = session.scalar(query)
    if workspace_id and failure.retry_at is None:
        events.emit(session, workspace_id, "knowledge_error", {"docId": doc_id, "errorMsg": failure.sentence})


def _begin(lease: Lease) -> Document:
    with transaction() as session:
        lease.fence(session)
        doc = session.get(Document, lease.row_id)
        if doc is None:
            raise LeaseLost(lease.row_id)
        doc.status, doc.error_msg = "PROCESSING", None
        _progress(session, doc, "extract", 0, 1)
        session.flush()
        session.expunge(doc)
        return doc


def _finish(
    lease: Lease, doc: Document, extracted: Extracted, passages: Sequence[Chunk], vectors: Vectors, language: str | None
) -> None:
    with transaction() as session:
        lease.finish(session)
        language = store.known_language(session, language)
        store.replace(session, store.Labels(doc.id, doc.agent_id, embedder().model, language), passages, vectors)
        session.execute(delete(PaidEmbedding).where(PaidEmbedding.doc_id == doc.id))
        ready = dict(
            status="READY", chunk_count=len(passages), error_msg=" ".join(extracted.notes) or None, language=language,
            stage="store", stage_done=len(passages), stage_total=len(passages),
        )  # fmt: skip
        session.execute(update(Document).where(Document.id == doc.id).values(ready))
        data = {"docId": doc.id, "chunkCount": len(passages)}
        events.emit(session, doc.workspace_id, "knowledge_ready", data)


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


class _Embedding:
    """Vectors of a document's texts. What a paid model gave is kept at once, so that no retry pays for it again."""

    def __init__(self, lease: Lease, model: Embedder) -> None:
        self._lease = lease
        self._model = model

    def of(self, texts: Sequence[str]) -> Vectors:
        """One row a text, in the texts' order."""
        known = self._paid_before() if self._model.paid else {}
        wanted = list(dict.fromkeys(t for t in texts if _hash(t) not in known))
        done = len(texts) - len(wanted)
        report = self._reporter(len(texts))
        for batch in batches(wanted, self._model.max_inputs, self._model.max_bytes):
            report(done)
            fresh = dict(zip(map(_hash, batch), self._model.embed(batch), strict=True))
            if self._model.paid:
                self._keep(fresh)
            known.update(fresh)
            done += len(batch)
        return np.stack([known[_hash(t)] for t in texts])

    def _reporter(self, total: int) -> Callable[[int], None]:
        last = -PROGRESS_SECONDS

        def report(done: int) -> None:
            nonlocal last
            if time.monotonic() - last >= PROGRESS_SECONDS:
                last = time.monotonic()
                _report(self._lease, "embed", done, total)

        return report

    def _paid_before(self) -> dict[bytes, Vectors]:
        mine = (PaidEmbedding.doc_id == self._lease.row_id, PaidEmbedding.model == self._model.model)
        with transaction() as session:
            rows = session.execute(select(PaidEmbedding.content_hash, PaidEmbedding.embedding).where(*mine))
            return {content_hash: np.asarray(vector, dtype=np.float32) for content_hash, vector in rows}

    def _keep(self, fresh: dict[bytes, Vectors]) -> None:
        with transaction() as session:
            self._lease.fence(session)
            key = (self._lease.row_id.encode(), self._model.model.encode())
            rows = ([*key, content_hash, store.pack_vector(vector)] for content_hash, vector in fresh.items())
            store.copy_rows(session, "paid_embeddings", ("doc_id", "model", "content_hash", "embedding"), rows)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
