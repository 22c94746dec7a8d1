"""Knowledge: the documents of an agent, what becomes of them, and a question about them."""

from typing import Annotated, Any

from flask import g, request
from pydantic import StringConstraints
from sqlalchemy.orm import Session

from nightshift.db.session import transaction
from nightshift.errors import NightshiftError, one_line
from nightshift.knowledge import documents
from web.api import knowledge as api
from web.api.sources import Upload, UrlSource, source_of
from web.console.agents import chosen_agent
from web.console.etags import is_poll
from web.console.pages import Done, View, action, page
from web.error_responses import Problem, or_404
from web.request_parsing import MAX_FILE_BYTES, Form, NumberedPageQuery, PageQuery, parse
from web.response_models import page as part
from web.serving import turn

HOME = "/console/knowledge"
MAX_COUNTED = 1000
MAX_FORM_BYTES = 5 * MAX_FILE_BYTES  # several files at once
PASSAGES = 5
MAX_NAME = 100  # characters of a title in a sentence about it


class DocumentsQuery(PageQuery):
    agent: str = ""
    status: str = ""
    q: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""


class OfAgent(Form):
    agent: str


class Address(OfAgent):
    url: str


@page(HOME, title="Knowledge", order=10)
def listed(query: DocumentsQuery) -> View:
    """An agent's documents, and the passages that answer a question."""
    with turn(), transaction() as session:
        names, agent = chosen_agent(session, query.agent)
        rows = documents.listed(session, agent.id, query.status, query.cursor, query.limit)
        counts = documents.unready(session, agent.id, MAX_COUNTED)
    seen = [(row.Document.id, row.Document.updated_at, row.status, row.attempts, row.retry_at) for row in rows]

    def data() -> dict[str, Any]:
        found = part([api.shown(row) for row in rows], query.limit)
        return dict(
            agents=names, agent_id=agent.id, counts=counts, found=found, max_bytes=MAX_FILE_BYTES, most=MAX_COUNTED
        )

    answers = _answers(agent.id, query.q) if query.q and not is_poll() else {}
    return View("knowledge.html", data, answers, basis=(names, agent.id, counts, seen))


@page(f"{HOME}/<doc_id>")
def show(session: Session, doc_id: str, query: NumberedPageQuery) -> View:
    """One document and its passages."""
    row = api.own(session, doc_id)
    first = 0 if query.cursor is None else query.cursor + 1
    chunks = documents.chunks(session, doc_id, first, query.limit)
    found = part([api.Chunk.of(chunk, locator=chunk) for chunk in chunks], query.limit, by="chunk_idx")
    return View("document.html", dict(document=api.shown(row), found=found, kind=row.Document.kind))


@page(f"{HOME}/<doc_id>/delete")
def ask(session: Session, doc_id: str) -> View:
    """Whether to delete a document."""
    return View("document_delete.html", dict(document=api.shown(api.own(session, doc_id))))


@action(f"{HOME}/<doc_id>/delete")
def delete(session: Session, doc_id: str) -> Done:
    """Delete a document and its passages."""
    row = documents.find(session, g.workspace_id, doc_id)
    if row is None:
        return Done(("This document is not there any more.",), HOME, is_error=True)
    documents.remove(session, row.Document)
    return Done((_of(row.Document.title, "deleted."),), f"{HOME}?agent={row.Document.agent_id}")


@action(f"{HOME}/<doc_id>/retry")
def retry(session: Session, doc_id: str) -> Done:
    """Ingest a document again that could not be ingested."""
    row = documents.find(session, g.workspace_id, doc_id)
    if row is None:
        return Done(("This document is not there any more.",), is_error=True)
    if row.status != "ERROR":
        return Done((_of(row.Document.title, f"is {row.status}, and not tried again."),), is_error=True)
    documents.reingest(session, row.Document)
    return Done((_of(row.Document.title, "is tried again."),))


@action(f"{HOME}/files", form_bytes=MAX_FORM_BYTES)
def upload(form: OfAgent) -> Done:
    """Add files: each that can be added, whatever is wrong with the others."""
    files = [file for file in request.files.getlist("file") if file.filename]
    with turn():
        said = [(file.filename or "", *_add(form.agent, Upload, file=file)) for file in files]
    if not said:
        return Done(("Choose a file first.",), is_error=True)
    sentences = tuple(_of(name, sentence) for name, sentence, _ in said)
    return Done(sentences, is_error=not all(added for _, _, added in said))


@action(f"{HOME}/addresses")
def add_address(form: Address) -> Done:
    """Add what is at a web address."""
    with turn():
        sentence, added = _add(form.agent, UrlSource, type="url", url=form.url)
    return Done((_of(form.url, sentence),), is_error=not added)


def _of(name: str, sentence: str) -> str:
    return f"{one_line(name, MAX_NAME)}: {sentence}"


def _add(agent_id: str, model: Any, **fields: Any) -> tuple[str, bool]:
    """(What became of it, whether it is there now)."""
    try:
        source = source_of(parse(model, fields))
    except Problem as problem:
        errors = problem.members.get("errors", [])
        return (errors[0]["message"] if errors else problem.members["detail"]), False
    with transaction() as session:
        _, enqueued = or_404(documents.accept(session, g.workspace_id, agent_id, source))
    return ("added." if enqueued else "is there already."), True


def _answers(agent_id: str, question: str) -> dict[str, Any]:
    """The passages for the template; where they cannot be found, why."""
    try:
        found = api.Passages.model_validate(api.passages(agent_id, question, PASSAGES))
        return {"answers": found, "passages_a_page": NumberedPageQuery().limit}
    except NightshiftError as error:
        return {"problem": str(error)}
    except Problem as problem:
        return {"problem": problem.members["detail"]}
