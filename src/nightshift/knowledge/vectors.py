"""The vectors of a document's texts. What a paid model gave is kept at once, so that no retry pays for it again."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

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
        known = dict(_stored(lease, model, PaidEmbedding, PaidEmbedding.content_hash))
        current = _stored(lease, model, Stored, Stored.content) if keep_current else ()
        known |= {_hash(content): vector for content, vector in current}
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


def _stored(lease: Lease, model: Embedder, table: Any, key: Any) -> list[tuple[Any, Vectors]]:
    """The document's vectors of this model, each with its `key`."""
    query = select(key, table.embedding).where(table.doc_id == lease.row_id, table.model == model.model)
    with transaction() as session:
        return [(name, np.asarray(vector, dtype=np.float32)) for name, vector in session.execute(query)]


def _keep(lease: Lease, model: Embedder, fresh: Known) -> None:
    key = (lease.row_id.encode(), model.model.encode())
    rows = ([*key, content_hash, store.pack_vector(vector)] for content_hash, vector in fresh.items())
    with transaction() as session:
        lease.fence(session)
        store.copy(session, "paid_embeddings", ("doc_id", "model", "content_hash", "embedding"), store.packed(rows))


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
