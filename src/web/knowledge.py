"""Knowledge: hand in, watch, search, ingest again, delete."""

import hashlib
import io
import math
from typing import Annotated, Any, Literal, cast

from flask import Blueprint, g, request, url_for
from pydantic import AfterValidator, Field
from sqlalchemy.orm import Session

from nightshift.address import check_form
from nightshift.db.models import Chunk
from nightshift.db.session import transaction
from nightshift.knowledge import documents, sniff
from nightshift.knowledge.documents import Source, View
from nightshift.knowledge.search import search as find_passages
from web import asking
from web.asking import own_agent
from web.problems import Problem, invalid
from web.writing import Answer, writes

blueprint = Blueprint("knowledge", __name__, url_prefix="/v1")
STATUSES = ("PENDING", "PROCESSING", "READY", "ERROR")
MOST_FILE_BYTES = 50 << 20
TAKEN = (
    "Its content, whatever its name, is none of these: PDF, Word (.docx), PowerPoint (.pptx), Excel (.xlsx, .xls), "
    "OpenDocument (.ods), EPUB, HTML, CSV, Markdown, plain text."
)


class TextSource(asking.Body):
    type: Literal["text"]
    title: asking.Line
    text: asking.Prose


class QaSource(asking.Body):
    type: Literal["qa"]
    question: asking.Line
    answer: asking.Prose


class UrlSource(asking.Body):
    type: Literal["url"]
    url: Annotated[str, AfterValidator(check_form)]


JsonSource = Annotated[TextSource | UrlSource | QaSource, Field(discriminator="type")]


@blueprint.post("/agents/<agent_id>/knowledge")
@writes
def accept(session: Session, agent_id: str) -> Answer:
    source = _uploaded() if request.mimetype == "multipart/form-data" else _written(asking.body(JsonSource))
    view, owed = asking.found(documents.accept(session, g.workspace_id, agent_id, source))
    return shown(view), 202 if owed else 200, {"Location": url_for("knowledge.show", doc_id=view.doc.id)}


@blueprint.get("/agents/<agent_id>/knowledge")
def listed(agent_id: str) -> dict[str, Any]:
    status, size, before = asking.status(STATUSES), asking.limit(), asking.cursor()
    with transaction() as session:
        own_agent(session, agent_id)
        views = documents.listed(session, agent_id, status, before, size)
    return asking.page([shown(view) for view in views], size)


@blueprint.get("/knowledge/<doc_id>")
def show(doc_id: str) -> dict[str, Any]:
    with transaction() as session:
        return shown(_own(session, doc_id))


@blueprint.get("/knowledge/<doc_id>/chunks")
def chunks(doc_id: str) -> dict[str, Any]:
    size, after = asking.limit(), asking.cursor()
    if after is not None and not (after.isdecimal() and len(after) < 10):
        raise invalid("cursor", "is not one that a list has given")
    with transaction() as session:
        _own(session, doc_id)
        rows = documents.chunks(session, doc_id, int(after or -1) + 1, size)
    return asking.page([_chunk(row) for row in rows], size, by="chunkIdx")


@blueprint.post("/knowledge/<doc_id>/reingest")
@writes
def reingest(session: Session, doc_id: str) -> Answer:
    documents.reingest(session, _own(session, doc_id).doc)
    return shown(_own(session, doc_id)), 202


@blueprint.delete("/knowledge/<doc_id>")
@writes
def remove(session: Session, doc_id: str) -> Answer:
    documents.remove(session, _own(session, doc_id).doc)
    return None, 204


@blueprint.get("/agents/<agent_id>/knowledge/search")
def search(agent_id: str) -> dict[str, Any]:
    question, size = request.args.get("q", "").strip(), asking.limit(default=10, most=50)
    if not 1 <= len(question) <= 2000:
        raise invalid("q", "must be 1 to 2000 characters")
    with transaction() as session:
        own_agent(session, agent_id)
    return {"items": [_passage(row) for row in find_passages(agent_id, question, size)]}


def _own(session: Session, doc_id: str) -> View:
    return asking.found(documents.find(session, g.workspace_id, doc_id))


def _written(body: TextSource | UrlSource | QaSource) -> Source:
    if isinstance(body, UrlSource):
        data = body.url.encode()
        return Source("url", "url", body.url, _digest("url", "", hashlib.sha256(data)), io.BytesIO(data))
    if isinstance(body, TextSource):
        title, text = body.title, body.text
    else:
        title, text = body.question, f"{body.question}\n\n{body.answer}"
    data = text.encode()
    return Source(body.type, "text", title, _digest(body.type, title, hashlib.sha256(data)), io.BytesIO(data))


def _uploaded() -> Source:
    file = request.files.get("file")
    if file is None:
        raise invalid("file", "is missing: send it as the multipart field `file`")
    if file.stream.seek(0, io.SEEK_END) > MOST_FILE_BYTES:
        raise Problem(413, "This file is larger than 50 MB.")
    title = " ".join((request.form.get("title") or file.filename or "").split())[:500] or "Untitled"
    kind = sniff.kind_of(file.stream, file.filename or "")
    if kind is None:
        raise Problem(415, TAKEN)
    digest = _digest("file", kind, hashlib.file_digest(cast(Any, file.stream), "sha256"))
    file.stream.seek(0)
    return Source("file", kind, asking.tidy(title), digest, file.stream)


def _digest(kind: str, title: str, content: Any) -> bytes:
    return hashlib.sha256(f"{kind}\n{title}\n".encode() + content.digest()).digest()


def shown(view: View) -> dict[str, Any]:
    """A document as its owner sees it."""
    doc = view.doc
    return {
        "id": doc.id,
        "agentId": doc.agent_id,
        "type": doc.type,
        "title": doc.title,
        "status": view.status,
        "chunkCount": doc.chunk_count,
        "errorMsg": None if view.status == "PROCESSING" else doc.error_msg,
        "progress": {"stage": doc.stage, "done": doc.stage_done, "total": doc.stage_total},
        "attempts": view.attempts,
        "retryAt": asking.time(view.retry_at),
        "createdAt": asking.time(doc.created_at),
        "updatedAt": asking.time(doc.updated_at),
    }


def _chunk(row: Chunk) -> dict[str, Any]:
    locator = {"page": row.page, "headings": row.headings, "start": row.start_char, "end": row.end_char}
    return {"chunkIdx": row.chunk_idx, "content": row.content, "model": row.model, "locator": locator}


def _passage(row: dict[str, Any]) -> dict[str, Any]:
    similarity = float(row["similarity"])
    return {
        "docId": row["doc_id"],
        "title": row["title"],
        "chunkIdx": row["chunk_idx"],
        "content": row["content"],
        "similarity": 0.0 if math.isnan(similarity) else similarity,  # a text without one known word has no direction
        "locator": {
            "page": row["page"], "headings": row["headings"], "start": row["start_char"], "end": row["end_char"]
        },
    }  # fmt: skip
