"""Ingest one document: extract, chunk, embed, store.

Rung when a document is accepted or ordered again. Raises what stopped it: a permanent error (password, damaged,
scanned, empty) ends it at once; anything else is tried three more times, 2, 8 and 32 s later, which outlasts a vendor's
bad minute without holding a customer up for long.
"""

from rq import Retry
from sqlalchemy.orm import Session

from jobs.attempt import attempt
from jobs.spec import JobSpec
from nightshift.db.models import Document
from nightshift.knowledge import documents
from nightshift.knowledge import ingest as knowledge

QUEUE = "ingestion"
RETRY = Retry(max=3, interval=[2, 8, 32])


def ingest(doc_id: str) -> None:
    """Bring one document to READY, or say in its row why not."""
    attempt(JOB, doc_id, knowledge.ingest)


def _replay(session: Session, doc_id: str) -> bool:
    doc = session.get(Document, doc_id)
    if doc is not None:
        documents.reingest(session, doc)
    return doc is not None


JOB = JobSpec("ingest", QUEUE, RETRY, ingest, knowledge.failed, _replay)
