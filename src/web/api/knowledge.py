"""Knowledge: add a document, watch it, search, ingest it again, delete it."""

import math
from typing import Annotated, Any, Literal

from flask import g
from pydantic import AliasChoices, BeforeValidator, Field, StringConstraints
from sqlalchemy import Row
from sqlalchemy.orm import Session

from nightshift.db.session import transaction
from nightshift.knowledge import documents
from nightshift.knowledge.search import search as find_passages
from web.access import own_agent
from web.api.sources import JsonSource, Upload, source_of
from web.error_responses import ProblemDetails, or_404
from web.limiters import ConcurrencyLimiter
from web.request_parsing import NumberedPageQuery, PageQuery, Parameters
from web.response_models import Count, Page, ResponseModel, Time, optional, page
from web.routing import route

searching = ConcurrencyLimiter(4)  # of one workspace, in this process

Status = Literal["PENDING", "PROCESSING", "READY", "ERROR"]


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


class Place(ResponseModel):
    """A page (of a PDF, or the slide) and headings; `start` and `end` count characters of the document's text."""

    page: Count | None
    headings: list[str]
    start: Count = Field(validation_alias=AliasChoices("start", "start_char"))
    end: Count = Field(validation_alias=AliasChoices("end", "end_char"))


class Locator(Place):
    """Where a passage is. `places`: where each part is of a passage packed from several."""

    places: list[Place] | None = optional()


class Chunk(ResponseModel):
    chunk_idx: Count
    content: str
    model: str
    locator: Locator


def _number(similarity: float | None) -> float:
    """0 without a vector of the question, and for NaN, which has no JSON: a question or a text without a known word."""
    return 0.0 if similarity is None or math.isnan(similarity) else similarity


class Passage(ResponseModel):
    doc_id: str
    title: str
    chunk_idx: Count
    content: str
    similarity: Annotated[float, BeforeValidator(_number)]
    locator: Locator


class Passages(ResponseModel):
    """`mode`: "words" where the embedding service did not answer in time; `similarity` is 0 then."""

    items: list[Passage]
    mode: Literal["words"] | None = optional()


@route("POST", "/v1/agents/<agent_id>/knowledge", {202: Document, 200: Document})
def accept(session: Session, agent_id: str, body: JsonSource | Upload) -> tuple[Document, int, dict[str, str]]:
    """Add a document: a text, a web address, a question with its answer, or a file. The same source again: 200."""
    row, enqueued = or_404(documents.accept(session, g.workspace_id, agent_id, source_of(body), alone=True))
    return shown(row), 202 if enqueued else 200, {"Location": f"/v1/knowledge/{row.Document.id}"}


@route("GET", "/v1/agents/<agent_id>/knowledge", {200: Page[Document]})
def listed(session: Session, agent_id: str, query: DocumentQuery) -> dict[str, Any]:
    """An agent's documents, newest first."""
    own_agent(session, agent_id)
    rows = documents.listed(session, agent_id, query.status, query.cursor, query.limit)
    return page([shown(row) for row in rows], query.limit)


@route("GET", "/v1/knowledge/<doc_id>", {200: Document})
def show(session: Session, doc_id: str) -> Document:
    """One document and its progress."""
    return shown(own(session, doc_id))


@route("GET", "/v1/knowledge/<doc_id>/chunks", {200: Page[Chunk]})
def chunks(session: Session, doc_id: str, query: NumberedPageQuery) -> dict[str, Any]:
    """A document's chunks in reading order."""
    own(session, doc_id)
    first = 0 if query.cursor is None else query.cursor + 1
    rows = documents.chunks(session, doc_id, first, query.limit)
    return page([Chunk.of(row, locator=row) for row in rows], query.limit, by="chunk_idx")


@route("POST", "/v1/knowledge/<doc_id>/reingest", {202: Document})
def reingest(session: Session, doc_id: str) -> Document:
    """Ingest a document again; its old chunks stay until the new ones are stored."""
    documents.reingest(session, own(session, doc_id).Document)
    return shown(own(session, doc_id))


@route("DELETE", "/v1/knowledge/<doc_id>", {204: None})
def remove(session: Session, doc_id: str) -> None:
    """Delete a document and its chunks."""
    documents.remove(session, own(session, doc_id).Document)


@route("GET", "/v1/agents/<agent_id>/knowledge/search", {200: Passages, 502: ProblemDetails})
def search(agent_id: str, query: SearchQuery) -> dict[str, Any]:
    """The passages that best answer a question, best first."""
    return passages(agent_id, query.q, query.limit)


def passages(agent_id: str, question: str, limit: int) -> dict[str, Any]:
    """The fields of Passages. Raises 404, 429, and what the embedder raises."""
    searching.admit(g.workspace_id, "searches")
    with transaction() as session:  # ends here: no connection is held while the question is embedded
        own_agent(session, agent_id)
    found = find_passages(agent_id, question, limit)
    return {"items": [row | {"locator": row} for row in found.passages], "mode": "words" if found.by_words else None}


def own(session: Session, doc_id: str) -> Row[Any]:
    """The workspace's document. Raises 404."""
    return or_404(documents.find(session, g.workspace_id, doc_id))


def shown(row: Any) -> Document:
    """A row of `documents` as it is answered."""
    error_msg = None if row.status == "PROCESSING" else row.Document.error_msg
    return Document.of(row.Document, row, status=row.status, progress=row.Document, error_msg=error_msg)
