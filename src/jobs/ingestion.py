"""Ingest one document: extract, chunk, embed, store."""

from sqlalchemy.orm import Session

from nightshift.db.models import Document
from nightshift.knowledge import documents
from nightshift.knowledge import ingest as knowledge
from nightshift.outbox import current_lease
from runner import Retry, job

RETRY = Retry(max=3, interval=[2, 8, 32])


def _retry_failed(session: Session, doc_id: str) -> bool:
    doc = session.get(Document, doc_id)
    if doc is not None:
        documents.reingest(session, doc)
    return doc is not None


@job("ingestion", RETRY, on_failure=knowledge.failed, retry_failed=_retry_failed)
def ingest(doc_id: str) -> None:
    """Bring one document to READY, or say in its row why not.

    Enqueued when a document is accepted or ingested again. A permanent error (password, damaged, scanned, empty) ends it at
    once; anything else is retried after 2, 8 and 32 s, which outlasts a vendor's bad minute without holding a customer up.
    """
    knowledge.ingest(current_lease())
