"""The vectors of a document's texts. What a paid model gave is kept at once, so that no retry pays for it again."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from sqlalchemy import select

from nightshift.db.models import Chunk as Stored
from nightshift.db.models import PaidEmbedding
from nightshift.db.session import transaction
from nightshift.knowledge import store
from nightshift.knowledge.chunk import Chunk
from nightshift.knowledge.embedding import Embedder, Vectors, batches
from nightshift.outbox import Lease

Known = dict[bytes, Vectors]  # SHA-256 of a text: its vector


def embedded(
    passages: Iterable[Chunk], lease: Lease, model: Embedder, report: Callable[[int], None], *, keep_current: bool
) -> Iterator[tuple[Chunk, Vectors]]:
    """Each passage with its vector, a batch at a time. `report` hears how many are done before each batch.

    `keep_current`: passages that are in the document already keep their vectors (a page of which one line changed).
    Raises what the model raises, LeaseLost where the document belongs to another worker by now.
    """
    known: Known = {}
    if model.paid:
        known = _paid_before(lease, model) | (_current(lease, model) if keep_current else {})
    asked, waiting, done = set(known), deque[Chunk](), 0

    def wanted() -> Iterator[str]:
        for passage in passages:
            waiting.append(passage)
            if (key := _hash(passage.content)) not in asked:
                asked.add(key)
                yield passage.content

    for batch in batches(wanted(), model.max_inputs, model.max_bytes):
        report(done)
        fresh = dict(zip(map(_hash, batch), model.embed(batch), strict=True))
        if model.paid:
            _keep(lease, model, fresh)
        known |= fresh
        while waiting and (vector := known.get(_hash(waiting[0].content))) is not None:
            done += 1
            yield waiting.popleft(), vector
    yield from ((passage, known[_hash(passage.content)]) for passage in waiting)


def _paid_before(lease: Lease, model: Embedder) -> Known:
    mine = (PaidEmbedding.doc_id == lease.row_id, PaidEmbedding.model == model.model)
    with transaction() as session:
        rows = session.execute(select(PaidEmbedding.content_hash, PaidEmbedding.embedding).where(*mine)).all()
    return {content_hash: np.asarray(vector, dtype=np.float32) for content_hash, vector in rows}


def _current(lease: Lease, model: Embedder) -> Known:
    mine = (Stored.doc_id == lease.row_id, Stored.model == model.model)
    with transaction() as session:
        rows = session.execute(select(Stored.content, Stored.embedding).where(*mine)).all()
    return {_hash(content): np.asarray(vector, dtype=np.float32) for content, vector in rows}


def _keep(lease: Lease, model: Embedder, fresh: Known) -> None:
    key = (lease.row_id.encode(), model.model.encode())
    rows = ([*key, content_hash, store.pack_vector(vector)] for content_hash, vector in fresh.items())
    with transaction() as session:
        lease.fence(session)
        store.copy(session, "paid_embeddings", ("doc_id", "model", "content_hash", "embedding"), store.packed(rows))


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
