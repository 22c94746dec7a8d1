"""Ingestion and search against the bare minimum of the same work."""

import io
import random
from collections.abc import Iterator, Sequence
from typing import Any

from figures import Figure, compare
from harness import Servers, in_turn
from samples import passages, thousand_pages
from sqlalchemy import text

from nightshift import workspaces
from nightshift.db.models import Document
from nightshift.db.session import engine, transaction
from nightshift.knowledge import documents, store
from nightshift.knowledge.chunk import Chunk, chunks
from nightshift.knowledge.embed import embedder
from nightshift.knowledge.embedding import batches
from nightshift.knowledge.extract.pdf import document as pdf_reader
from nightshift.knowledge.question import Question
from nightshift.knowledge.search import SEARCH, parameters_of, search


def new_document(agent_id: str, workspace_id: str, kind: str, data: bytes) -> str:
    source = documents.Source("file", kind, "bench", random.randbytes(16), io.BytesIO(data))
    with transaction() as session:
        accepted = documents.accept(session, workspace_id, agent_id, source)
        assert accepted
        return accepted[0].Document.id


def tenant() -> tuple[str, str]:
    with transaction() as session:
        workspace, agent, _ = workspaces.create(session, "Bench", "bench@example.com", 0, 0)
        return workspace.id, agent.id


def packed(doc_id: str, agent_id: str, rows: list[Chunk]) -> Iterator[bytes]:
    vectors = embedder().embed([row.content for row in rows])
    labels = store.Labels(doc_id, agent_id, embedder().model, "english")
    return store.pack(labels, zip(rows, vectors, strict=True))


def persisting() -> Figure:
    """2,000 chunks by the ingest's own last transaction, against a COPY of the same bytes into the same table."""
    workspace_id, agent_id = tenant()
    ours, bare = (new_document(agent_id, workspace_id, "text", b"x") for _ in range(2))
    rows = passages(2000)
    file = io.BytesIO()
    file.writelines(packed(ours, agent_id, rows))

    def persist() -> None:
        file.seek(0)
        with transaction() as session:
            store.replace(session, ours, iter(lambda: file.read(store.PIECE_BYTES), b""))

    data = b"".join(packed(bare, agent_id, rows))

    def copy() -> None:
        connection: Any = engine().raw_connection()
        cursor = connection.cursor()
        cursor.execute("DELETE FROM chunks WHERE doc_id = %s", (bare,))
        cursor.copy_expert(f"COPY chunks ({', '.join(store.COLUMNS)}) FROM STDIN (FORMAT binary)", io.BytesIO(data))
        connection.commit()
        connection.close()

    seconds, yardstick = in_turn(persist, copy, 7)
    return compare(
        "persisted chunks, against a bare binary COPY", 2000 / seconds, 2000 / yardstick, "chunks/s", ">= 0.8"
    )


def ingesting() -> Figure:
    """A 1,000-page PDF from its row to READY, against reading and embedding alone, all in one process."""
    from jobs.ingestion import ingest

    workspace_id, agent_id = tenant()
    data = thousand_pages()
    doc_id = new_document(agent_id, workspace_id, "pdf", data)

    def ours() -> None:
        with transaction() as session:
            documents.reingest(session, session.get_one(Document, doc_id))
        ingest(doc_id)

    def alone() -> None:
        with documents.source_file(doc_id) as file:
            texts = [p.content for p in chunks(pdf_reader.read(file).blocks)]
        model = embedder()
        for batch in batches(texts, model.max_inputs, model.max_bytes):
            model.embed(batch)

    seconds, yardstick = in_turn(ours, alone, 3)
    with transaction() as session:
        doc = session.get_one(Document, doc_id)
        assert doc.status == "READY", doc.error_msg
        remark = f"{doc.chunk_count} chunks"
    return compare("ingest of a 1,000-page PDF, against extract + embed", seconds, yardstick, "s", "<= 1.2", remark)


def searching(count: int) -> Figure:
    """A question to an agent of `count` chunks, against its SQL on a bare connection."""
    workspace_id, agent_id = tenant()
    doc_id = new_document(agent_id, workspace_id, "text", b"x")
    rows = passages(count)
    with transaction() as session:
        store.replace(session, doc_id, packed(doc_id, agent_id, rows))
        session.get_one(Document, doc_id).language = "english"
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE chunks"))
    question = "Why is my parcel delayed on the island ferry?"
    bare, arguments = _bare_sql(agent_id, question)
    connection: Any = engine().raw_connection()
    connection.driver_connection.autocommit = True
    cursor = connection.cursor()

    def sql() -> Sequence[Any]:
        cursor.execute(bare, arguments)
        return cursor.fetchall()

    seconds, yardstick = in_turn(lambda: search(agent_id, question, 10), sql, 30)
    connection.invalidate()
    name = f"search among {count:,} chunks, against its SQL alone"
    return compare(name, seconds * 1000, yardstick * 1000, "ms", "<= 1.5")


def _bare_sql(agent_id: str, question: str) -> tuple[str, dict[str, Any]]:
    parameters = parameters_of(Question.of(question), {"english": ()}, embedder().embed([question])[0])
    return SEARCH, parameters | dict(agent=agent_id, model=embedder().model, limit=10)


def measure(servers: Servers) -> list[Figure]:
    return [persisting(), ingesting(), searching(1_000), searching(10_000)]
