"""Knowledge: add a document, watch it, search, ingest it again, delete it."""

import hashlib
import io
import math
from typing import Annotated, Any, Literal, cast

from flask import g
from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, StringConstraints, WithJsonSchema
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from nightshift.address import check_form
from nightshift.db.session import transaction
from nightshift.knowledge import documents, sniff
from nightshift.knowledge.documents import JOB, Source, View
from nightshift.knowledge.search import search as find_passages
from web.access import own_agent
from web.dispatching import enqueue
from web.error_responses import Problem, ProblemDetails, or_404
from web.request_parsing import (
    MAX_FILE_BYTES,
    Form,
    Line,
    NumberedPageQuery,
    PageQuery,
    Parameters,
    Prose,
    RequestBody,
    tidy,
)
from web.response_models import Count, Page, ResponseModel, Time, page
from web.routing import route

Status = Literal["PENDING", "PROCESSING", "READY", "ERROR"]
UNSUPPORTED = (
    "Unsupported file type (judged by its content). Supported: PDF, DOCX, PPTX, XLSX, XLS, ODS, EPUB, HTML, CSV, Markdown, "
    "plain text."
)


class TextSource(RequestBody):
    type: Literal["text"]
    title: Line
    text: Prose


class QaSource(RequestBody):
    type: Literal["qa"]
    question: Line
    answer: Prose


class UrlSource(RequestBody):
    type: Literal["url"]
    url: Annotated[str, AfterValidator(check_form)]


JsonSource = Annotated[TextSource | UrlSource | QaSource, Field(discriminator="type")]


def _file(value: Any) -> FileStorage:
    if not isinstance(value, FileStorage):
        raise ValueError("must be a file")
    return value


class Upload(Form):
    """A file. Its title, if none is given, is the file's name."""

    file: Annotated[FileStorage, PlainValidator(_file), WithJsonSchema({"type": "string", "format": "binary"})]
    title: str | None = None


class DocumentQuery(PageQuery):
    status: Status | None = None


class SearchQuery(Parameters):
    q: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    limit: Annotated[int, Field(ge=1, le=50)] = 10


class Progress(ResponseModel):
    stage: Literal["extract", "embed", "store"] | None
    stage_done: Count = Field(serialization_alias="done")
    stage_total: Count = Field(serialization_alias="total")


class Document(ResponseModel):
    """An ERROR with a `retryAt` is retried then; without one it is final."""

    id: str
    agent_id: str
    type: Literal["text", "qa", "file", "url"]
    title: str
    status: Status
    chunk_count: Count
    error_msg: str | None
    progress: Progress
    attempts: Count
    retry_at: Time | None
    created_at: Time
    updated_at: Time


class Locator(ResponseModel):
    """Where a passage is: its page (of a PDF) and headings; `start` and `end` count characters of the document's text."""

    page: Count | None
    headings: list[str]
    start_char: Count = Field(serialization_alias="start")
    end_char: Count = Field(serialization_alias="end")


class Chunk(ResponseModel):
    chunk_idx: Count
    content: str
    model: str
    locator: Locator


class Passage(ResponseModel):
    doc_id: str
    title: str
    chunk_idx: Count
    content: str
    similarity: Annotated[
        float, BeforeValidator(lambda value: 0.0 if math.isnan(value) else value)
    ]  # NaN: no known word
    locator: Locator


class Passages(ResponseModel):
    items: list[Passage]


@route("POST", "/v1/agents/<agent_id>/knowledge", {202: Document, 200: Document})
def accept(session: Session, agent_id: str, body: JsonSource | Upload) -> Any:
    """Add a document: a text, a web address, a question with its answer, or a file. The same source again: 200."""
    source = _of_file(body) if isinstance(body, Upload) else _of_text(body)
    view, enqueued = or_404(documents.accept(session, g.workspace_id, agent_id, source))
    if enqueued:
        enqueue(JOB, g.workspace_id)
    return _document(view), 202 if enqueued else 200, {"Location": f"/v1/knowledge/{view.doc.id}"}


@route("GET", "/v1/agents/<agent_id>/knowledge", {200: Page[Document]})
def listed(session: Session, agent_id: str, query: DocumentQuery) -> Any:
    """An agent's documents, newest first."""
    own_agent(session, agent_id)
    views = documents.listed(session, agent_id, query.status, query.cursor, query.limit)
    return page([_document(view) for view in views], query.limit)


@route("GET", "/v1/knowledge/<doc_id>", {200: Document})
def show(session: Session, doc_id: str) -> Any:
    """One document and its progress."""
    return _document(_own(session, doc_id))


@route("GET", "/v1/knowledge/<doc_id>/chunks", {200: Page[Chunk]})
def chunks(session: Session, doc_id: str, query: NumberedPageQuery) -> Any:
    """A document's chunks in reading order."""
    _own(session, doc_id)
    first = 0 if query.cursor is None else query.cursor + 1
    rows = documents.chunks(session, doc_id, first, query.limit)
    return page([Chunk.of(row, locator=row) for row in rows], query.limit, by="chunk_idx")


@route("POST", "/v1/knowledge/<doc_id>/reingest", {202: Document})
def reingest(session: Session, doc_id: str) -> Any:
    """Ingest a document again; its old chunks stay until the new ones are stored."""
    documents.reingest(session, _own(session, doc_id).doc)
    enqueue(JOB, g.workspace_id)
    return _document(_own(session, doc_id))


@route("DELETE", "/v1/knowledge/<doc_id>", {204: None})
def remove(session: Session, doc_id: str) -> Any:
    """Delete a document and its chunks."""
    documents.remove(session, _own(session, doc_id).doc)
    enqueue(JOB, g.workspace_id)


@route("GET", "/v1/agents/<agent_id>/knowledge/search", {200: Passages, 502: ProblemDetails})
def search(agent_id: str, query: SearchQuery) -> Any:
    """The passages that best answer a question, best first."""
    with transaction() as session:  # ends here: no connection is held while the question is embedded
        own_agent(session, agent_id)
    return {"items": [row | {"locator": row} for row in find_passages(agent_id, query.q, query.limit)]}


def _own(session: Session, doc_id: str) -> View:
    return or_404(documents.find(session, g.workspace_id, doc_id))


def _document(view: View) -> Document:
    error_msg = None if view.status == "PROCESSING" else view.doc.error_msg
    return Document.of(view, view.doc, progress=view.doc, error_msg=error_msg)


def _of_text(body: TextSource | UrlSource | QaSource) -> Source:
    if isinstance(body, UrlSource):
        kind, title, hashed_title, text = "url", body.url, "", body.url
    elif isinstance(body, TextSource):
        kind, title, hashed_title, text = "text", body.title, body.title, body.text
    else:
        kind, title, hashed_title, text = "text", body.question, body.question, f"{body.question}\n\n{body.answer}"
    data = text.encode()
    return Source(body.type, kind, title, _digest(body.type, hashed_title, hashlib.sha256(data)), io.BytesIO(data))


def _of_file(body: Upload) -> Source:
    stream, filename = body.file.stream, body.file.filename or ""
    if stream.seek(0, io.SEEK_END) > MAX_FILE_BYTES:
        raise Problem(413, "The file is larger than 50 MB.")
    kind = sniff.kind_of(stream, filename)
    if kind is None:
        raise Problem(415, UNSUPPORTED)
    title = tidy(" ".join((body.title or filename).split())[:500] or "Untitled")
    digest = _digest("file", kind, hashlib.file_digest(cast(Any, stream), "sha256"))
    stream.seek(0)
    return Source("file", kind, title, digest, stream)


def _digest(kind: str, title: str, content: Any) -> bytes:
    return hashlib.sha256(f"{kind}\n{title}\n".encode() + content.digest()).digest()
