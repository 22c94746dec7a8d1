"""The tables. What a column means stands here; how it came to be stands in the migrations."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from pgvector.sqlalchemy import Vector
from sqlalchemy import (
    BigInteger,
    Computed,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REGCONFIG, TIMESTAMP, TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from nightshift import clock

DIMENSIONS = 1536  # of text-embedding-3-small; the local embedder is zero-padded to it


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention={"ix": "%(table_name)s_%(column_0_N_name)s", "uq": "%(table_name)s_key"})
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: TIMESTAMP(timezone=True),
        dict[str, Any]: JSONB,
        bytes: LargeBinary,
    }


def _child_of(column: str) -> Any:
    return ForeignKey(column, ondelete="CASCADE")


class Workspace(Base):
    """A customer company: the tenant of everything below."""

    __tablename__ = "workspaces"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    notify_email: Mapped[str]
    monthly_grant: Mapped[int] = mapped_column(BigInteger)
    low_threshold: Mapped[int] = mapped_column(BigInteger)
    event_seq: Mapped[int] = mapped_column(BigInteger, default=0)  # the number of its newest event
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class ApiKey(Base):
    """A workspace key: only its SHA-256 is kept (the key itself is 256 random bits)."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("digest"), Index(None, "workspace_id"))
    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(_child_of("workspaces.id"))
    digest: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Agent(Base):
    """One support agent of a workspace; knowledge belongs to it."""

    __tablename__ = "agents"
    __table_args__ = (Index(None, "workspace_id"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(_child_of("workspaces.id"))
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Document(Base):
    """A knowledge source and what became of it. `status`: PENDING, PROCESSING, READY, ERROR."""

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("agent_id", "source_hash"),
        Index(None, "workspace_id"),
        Index("documents_agent_id", "agent_id", "id"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(_child_of("workspaces.id"))
    agent_id: Mapped[str] = mapped_column(_child_of("agents.id"))
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
    language: Mapped[str | None]  # a Postgres text search configuration; None: found by vectors only
    etag: Mapped[str | None]  # of an address: what its server called the version that is in the chunks
    last_modified: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class DocumentPart(Base):
    """The source's bytes in pieces of a MiB: any worker on any machine reads them, and neither side holds them whole."""

    __tablename__ = "document_parts"
    doc_id: Mapped[str] = mapped_column(_child_of("documents.id"), primary_key=True)
    part: Mapped[int] = mapped_column(Integer, primary_key=True)
    data: Mapped[bytes]


class Chunk(Base):
    """A passage that search answers with, its place in the document, its vector and the model that made it."""

    __tablename__ = "chunks"
    __table_args__ = (Index(None, "agent_id"),)
    doc_id: Mapped[str] = mapped_column(_child_of("documents.id"), primary_key=True)
    chunk_idx: Mapped[int] = mapped_column(Integer, primary_key=True)
    agent_id: Mapped[str]
    content: Mapped[str]
    page: Mapped[int | None]
    headings: Mapped[list[str]] = mapped_column(ARRAY(Text))
    start_char: Mapped[int]
    end_char: Mapped[int]
    model: Mapped[str]
    embedding: Mapped[Any] = mapped_column(Vector(DIMENSIONS))
    language: Mapped[str | None] = mapped_column(REGCONFIG)
    tsv: Mapped[Any] = mapped_column(TSVECTOR, Computed("to_tsvector(language, content)", persisted=True))


class PaidEmbedding(Base):
    """A vector already paid for by a document that is not ready yet: a retry does not pay again. Gone once it is READY."""

    __tablename__ = "paid_embeddings"
    doc_id: Mapped[str] = mapped_column(_child_of("documents.id"), primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    content_hash: Mapped[bytes] = mapped_column(primary_key=True)
    embedding: Mapped[Any] = mapped_column(Vector(DIMENSIONS))


class Work(Base):
    """What is owed: one row for each thing a job must do, whatever Redis remembers. See nightshift.work."""

    __tablename__ = "work"
    __table_args__ = (
        Index(
            "work_unrung",
            "job",
            "workspace_id",
            "due_at",
            postgresql_where=text("state = 'pending' AND rung_at IS NULL"),
        ),
        Index("work_rung", "job", "workspace_id", postgresql_where=text("state = 'pending' AND rung_at IS NOT NULL")),
        Index("work_leased", "lease_owner", postgresql_where=text("lease_owner IS NOT NULL")),
        Index("work_failed", "job", postgresql_where=text("state = 'failed'")),
    )
    job: Mapped[str] = mapped_column(primary_key=True)
    row_id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(default="")  # '' : of no single workspace
    state: Mapped[str] = mapped_column(default="pending")  # pending, done, failed
    due_at: Mapped[datetime] = mapped_column(default=clock.now)
    generation: Mapped[int] = mapped_column(Integer, default=0)  # of its job in Redis; an older one does nothing
    rung_at: Mapped[datetime | None]  # when that job was put into Redis; None: it has none
    lease_owner: Mapped[str | None]  # the worker that runs it now
    lease_until: Mapped[datetime | None]  # when that worker counts as dead
    runs: Mapped[int] = mapped_column(Integer, default=0)  # started, however they ended
    failures: Mapped[int] = mapped_column(Integer, default=0)  # runs that count against the job's Retry
    deaths: Mapped[int] = mapped_column(Integer, default=0)  # runs whose worker died
    waited_seconds: Mapped[float] = mapped_column(default=0.0)  # at a vendor's request, costing no attempt
    error: Mapped[str | None]  # the last failure's sentence
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class Event(Base):
    """What happened in a workspace, numbered without gaps: the stream of GET /v1/events."""

    __tablename__ = "events"
    workspace_id: Mapped[str] = mapped_column(_child_of("workspaces.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str]
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)


class IdempotencyKey(Base):
    """The first answer to a request that named this key, to be given again."""

    __tablename__ = "idempotency_keys"
    scope: Mapped[str] = mapped_column(primary_key=True)  # a workspace's id, or 'operator'
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]  # SHA-256 of method, path and body
    answer: Mapped[bytes | None]  # status, body, Location, sealed: some answers hold a new key
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
