"""Ingest: all chunks of a document, once, and the event."""

import io
import uuid

from scene import Case, Row, count, told, workspace

from nightshift.db.session import statement, transaction
from nightshift.knowledge import documents


def _document(number: int) -> Row:
    """Of three chunks."""
    place = workspace()
    body = "\n\n".join(
        f"Paragraph {part} of {number}. " + "Batteries are returned at the counter. " * 30 for part in "abc"
    )
    source = documents.Source("text", "text", f"{number}", uuid.uuid4().bytes, io.BytesIO(body.encode()))
    with transaction() as session:
        accepted = documents.accept(session, place["workspace_id"], place["agent_id"], source)
        assert accepted
        return {**place, "id": accepted[0].Document.id}


def _ingested(row: Row, delivered: list[str]) -> list[str]:
    [doc] = statement("SELECT status, chunk_count FROM documents WHERE id = %(id)s", id=row["id"])
    chunks = statement("SELECT chunk_idx FROM chunks WHERE doc_id = %(id)s ORDER BY 1", id=row["id"])
    paid = count("SELECT count(*) FROM paid_embeddings WHERE doc_id = %(id)s", id=row["id"])
    found = (doc.status, doc.chunk_count, [c.chunk_idx for c in chunks], told("knowledge_ready", row), paid)
    return [] if found == ("READY", 3, [0, 1, 2], 1, 0) else [f"status, count, chunks, told, paid for: {found}"]


CASES = {
    "ingest": Case("ingestion.ingest", _document, _ingested),
    "ingest after a 500": Case("ingestion.ingest", _document, _ingested, first_status=500),
}
