"""The jobs: for each a fresh row to run it on, and what must be there afterwards, once."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nightshift import workspaces
from nightshift.channels import CHANNELS, accounts, messages
from nightshift.db.session import statement, transaction
from nightshift.knowledge import documents

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """`prepare(number)` owes a row and returns what `check(row, delivered texts)` needs, its workspace_id at least."""

    job: str
    prepare: Callable[[int], Row]
    check: Callable[[Row, list[str]], list[str]]


def _workspace() -> Row:
    with transaction() as session:
        workspace, agent, _ = workspaces.create(session, "Crashing", "owner@example.com", 1000, 100)
        return {"workspace_id": workspace.id, "agent_id": agent.id}


def _document(number: int) -> Row:
    """Of three chunks."""
    place = _workspace()
    body = "\n\n".join(f"Paragraph {part} of {number}. " + "Batteries are returned at the counter. " * 30 for part in "abc")
    source = documents.Source("text", "text", f"{number}", uuid.uuid4().bytes, io.BytesIO(body.encode()))
    with transaction() as session:
        accepted = documents.accept(session, place["workspace_id"], place["agent_id"], source)
        assert accepted
        return {**place, "id": accepted[0].doc.id}


def _ingested(row: Row, delivered: list[str]) -> list[str]:
    [doc] = statement("SELECT status, chunk_count FROM documents WHERE id = %(id)s", id=row["id"])
    chunks = statement("SELECT chunk_idx FROM chunks WHERE doc_id = %(id)s ORDER BY 1", id=row["id"])
    events = _events("knowledge_ready", row)
    paid = statement("SELECT count(*) AS n FROM paid_embeddings WHERE doc_id = %(id)s", id=row["id"])[0].n
    found = (doc.status, doc.chunk_count, [c.chunk_idx for c in chunks], events, paid)
    return [] if found == ("READY", 3, [0, 1, 2], 1, 0) else [f"document: {found}"]


def _messages_by(channel: str) -> Callable[[int], Row]:
    """One of three parts, and one behind it in its lane."""

    def prepare(number: int) -> Row:
        place = _workspace()
        long = "\n\n".join(f"{part} " + "x" * int(CHANNELS[channel].limit.most * 0.6) for part in "123")
        with transaction() as session:
            accounts.put(session, place["workspace_id"], channel, dict.fromkeys(CHANNELS[channel].fields, "1:token"))
            ids = []
            for content in (long, "4 behind"):
                message_id, lease = messages.accept(session, *place.values(), channel, "customer", content)
                ids.append(message_id)
                if lease:
                    lease.give_back(session)
        return {**place, "ids": ids, "channel": channel}

    return prepare


def _sent(row: Row, delivered: list[str]) -> list[str]:
    """Each part once, in order; again only where a try is unknown and the vendor has no key."""
    statuses = [statement("SELECT status FROM messages WHERE id = %(id)s", id=name)[0].status for name in row["ids"]]
    unknown = statement(
        "SELECT count(*) AS n FROM message_attempts WHERE outcome = 'unknown' AND message_id = ANY(%(ids)s)", ids=row["ids"]
    )[0].n
    spare = 0 if CHANNELS[row["channel"]].honours_key else unknown
    parts = [text.split(maxsplit=1)[0] for text in delivered]
    wrong = [] if statuses == ["SENT", "SENT"] else [f"messages: {statuses}"]
    if list(dict.fromkeys(parts)) != ["1", "2", "3", "4"] or len(parts) > 4 + spare:
        wrong.append(f"delivered: {parts}, {spare} may be repeated")
    if parts != sorted(parts):
        wrong.append(f"out of order: {parts}")
    told = _events("message_sent", row)
    return wrong if told == 2 else [*wrong, f"message_sent told {told} times"]


def _events(name: str, row: Row) -> int:
    query = "SELECT count(*) AS n FROM events WHERE workspace_id = %(workspace)s AND name = %(name)s"
    return int(statement(query, workspace=row["workspace_id"], name=name)[0].n)


CASES = {
    "ingest": Case("ingest", _document, _ingested),
    "retry_send to a vendor without a key": Case("retry_send", _messages_by("TELEGRAM"), _sent),
    "retry_send to a vendor with a key": Case("retry_send", _messages_by("LINE"), _sent),
}
