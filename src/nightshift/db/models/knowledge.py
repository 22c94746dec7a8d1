"""Documents, their sources, their chunks."""

from datetime import datetime
from typing import Any

from pgvector.sqlalchemy import SPARSEVEC, Vector
from sqlalchemy import Integer, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from nightshift import clock
from nightshift.db.models.base import Base, OfAgent, child_of

DIMENSIONS = 1536  # of text-embedding-3-small; the local embedder is zero-padded to it
HASHES = 1 << 29  # of words: of an agent's 100,000 words one in 5,000 shares its hash


class Document(OfAgent, Base):
    """A knowledge source and what became of it. `status`: PENDING, PROCESSING, READY, ERROR."""

    __tablename__ = "documents"
    type: Mapped[str]  # as the caller named it: text, qa, file, url
    kind: Mapped[str]  # what the bytes are: text, pdf, docx ...; of a url: the address
    title: Mapped[str]
    source_hash: Mapped[bytes]
    status: Mapped[str] = mapped_column(default="PENDING")
    chunk_count: Mapped[int] = mapped_column(Integer, default=0)
    error_msg: Mapped[str | None]
    stage: Mapped[str | None]  # extract, embed, store
    stage_done: Mapped[int] = mapped_column(Integer, default=0)
    stage_total: Mapped[int] = mapped_column(Integer, default=0)
    language: Mapped[str | None]  # as Snowball names it; None: it has no stemmer
    etag: Mapped[str | None]  # of an address: what its server called the version that is in the chunks
    last_modified: Mapped[str | None]
    first_ready_at: Mapped[datetime | None]  # set once
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class DocumentPart(Base):
    """The source's bytes in pieces of a MiB: any worker on any machine reads them, and neither side holds them whole."""

    __tablename__ = "document_parts"
    doc_id: Mapped[str] = mapped_column(child_of("documents.id"), primary_key=True)
    part: Mapped[int] = mapped_column(Integer, primary_key=True)
    data: Mapped[bytes]


class Chunk(Base):
    """A passage that search answers with, its place in the document, its vector and the model that made it."""

    __tablename__ = "chunks"
    doc_id: Mapped[str] = mapped_column(child_of("documents.id"), primary_key=True)
    chunk_idx: Mapped[int] = mapped_column(Integer, primary_key=True)
    agent_id: Mapped[str]
    content: Mapped[str]
    page: Mapped[int | None]
    headings: Mapped[list[str]] = mapped_column(ARRAY(Text))
    start_char: Mapped[int]
    end_char: Mapped[int]
    model: Mapped[str]
    embedding: Mapped[Any] = mapped_column(Vector(DIMENSIONS))
    places: Mapped[list[Any] | None] = mapped_column(JSONB)  # of a passage packed from several parts: where each stands
    language: Mapped[str]  # its stemmer, "simple" for none
    words: Mapped[Any] = mapped_column(SPARSEVEC(HASHES))  # how often each word occurs, by its hash: see `words`


class PaidEmbedding(Base):
    """A vector already paid for by a document that is not ready yet: a retry does not pay again. Gone once it is READY."""

    __tablename__ = "paid_embeddings"
    doc_id: Mapped[str] = mapped_column(child_of("documents.id"), primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    content_hash: Mapped[bytes] = mapped_column(primary_key=True)
    embedding: Mapped[Any] = mapped_column(Vector(DIMENSIONS))
