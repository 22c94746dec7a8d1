"""What is checked when all is quiet: rows, chunks, events, logs. Each check returns the differences, with their ids."""

import re
from collections import Counter, defaultdict
from typing import Any

from customers import MARKERS
from evidence import Evidence
from vendors import TAG

from runner.registry import QUEUES


def everything_accepted_is_finished(evidence: Evidence) -> list[str]:
    accepted = evidence.accepted
    documents = _by_id(evidence, "SELECT id, status FROM documents")
    messages = _by_id(evidence, "SELECT id, status FROM messages")
    kept = [doc_id for number, (doc_id, *_) in accepted.documents.items() if number not in accepted.removed]
    sent = [message_id for message_id, *_ in accepted.messages.values()]
    wrong = [f"{name} is {documents.get(name, 'gone')}" for name in kept if documents.get(name) != "READY"]
    wrong += [f"{name} was removed and is there" for name in accepted.removed.values() if name in documents]
    wrong += [f"{name} is {messages.get(name, 'gone')}" for name in sent if messages.get(name) != "SENT"]
    known = {doc_id for doc_id, *_ in accepted.documents.values()} | set(sent)
    return wrong + [f"{name} was never accepted" for name in (documents.keys() | messages.keys()) - known]


def each_document_has_its_own_chunks(evidence: Evidence) -> list[str]:
    """Each paragraph once, numbered without a gap, as many as the document says; none of a document that is gone."""
    chunks: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for doc_id, idx, content in evidence.machine.sql("SELECT doc_id, chunk_idx, content FROM chunks ORDER BY 1, 2"):
        chunks[doc_id].append((idx, content))
    counts = _by_id(evidence, "SELECT id, chunk_count FROM documents")
    wrong = [f"chunks of {doc_id}, which is gone" for doc_id in chunks.keys() - counts.keys()]
    for number, (doc_id, paragraphs, _) in evidence.accepted.documents.items():
        if doc_id not in counts:
            continue
        tags = sorted(tag for _, content in chunks[doc_id] for tag in TAG.findall(content))
        if tags != sorted(("d", str(number), str(part)) for part in range(1, paragraphs + 1)):
            wrong.append(f"{doc_id} holds {tags}")
        if (numbers := [idx for idx, _ in chunks[doc_id]]) != list(range(counts[doc_id])):
            wrong.append(f"{doc_id} has {numbers}, says {counts[doc_id]}")
    orphans = "SELECT doc_id FROM document_parts WHERE doc_id NOT IN (SELECT id FROM documents)"
    wrong += [f"parts of {doc_id}, which is gone" for (doc_id,) in evidence.machine.sql(orphans)]
    return wrong + [
        f"paid embeddings of {doc_id}" for (doc_id,) in evidence.machine.sql("SELECT doc_id FROM paid_embeddings")
    ]


def each_event_is_told_once(evidence: Evidence) -> list[str]:
    """Numbered without a gap in each workspace; one message_sent a message, and one more for each copy that failed later; a
    document is ready at most as often as it was to be ingested (a second request may come before the first one is done)."""
    gaps = evidence.machine.sql("""
        SELECT workspace_id, count(*), min(seq), max(seq) FROM events GROUP BY 1 HAVING (1, count(*)) <> (min(seq), max(seq))
    """)
    wrong = [f"{workspace} has {count} events from {first} to {last}" for workspace, count, first, last in gaps]
    told = _events(evidence, "message_sent", "messageId")
    sent = [message_id for message_id, *_ in evidence.accepted.messages.values()]
    failed = Counter(number for copy in evidence.failed for number, _ in copy.tags("m"))
    allowed = {message_id: 1 + failed[number] for number, (message_id, *_) in evidence.accepted.messages.items()}
    wrong += [f"{name}: message_sent {told[name]} times" for name in sent if not 1 <= told[name] <= allowed[name]]
    ready = Counter(doc_id for doc_id, *_ in evidence.accepted.documents.values())
    ready += evidence.accepted.reingests + Counter(evidence.retried)
    more = _events(evidence, "knowledge_ready", "docId") - ready
    return wrong + [f"{doc_id}: knowledge_ready {count} times too often" for doc_id, count in more.items()]


def nothing_is_left_over(evidence: Evidence) -> list[str]:
    """No lease, no unfinished row, no job in a queue or among RQ's started ones."""
    left = evidence.machine.sql(
        "SELECT job, row_id, state, lease_owner FROM outbox WHERE state <> 'done' OR lease_owner <> ''"
    )
    wrong = [f"{job} {row_id} is {state}, leased by {owner}" for job, row_id, state, owner in left]
    for queue in QUEUES:
        wrong += [f"{name} in rq:wip:{queue}" for name in evidence.machine.redis.zrange(f"rq:wip:{queue}", 0, -1)]
        wrong += [f"{name} in rq:queue:{queue}" for name in evidence.machine.redis.lrange(f"rq:queue:{queue}", 0, -1)]
    return wrong


def no_secret_is_in_a_log(evidence: Evidence) -> list[str]:
    """No marker of a credential, a mail or a customer's text in a log line or a Sentry event."""
    texts = {path.name: path.read_bytes() for path in evidence.machine.logs()}
    texts["a Sentry event"] = b"\n".join(request.body for request in evidence.vendors.asked("/envelope/"))
    wrong = []
    for name, text in texts.items():
        found = {mark for mark in MARKERS if mark.encode() in text}
        found |= {tag.decode() for tag in re.findall(rb"x[dmh]\d+p\d+x", text)}
        wrong += [f"{mark} in {name}" for mark in sorted(found)]
    return wrong


CHECKS = [
    everything_accepted_is_finished, each_document_has_its_own_chunks, each_event_is_told_once, nothing_is_left_over,
    no_secret_is_in_a_log,
]  # fmt: skip


def _by_id(evidence: Evidence, query: str) -> dict[str, Any]:
    return dict(evidence.machine.sql(query))


def _events(evidence: Evidence, name: str, field: str) -> Counter[str]:
    """How often there is an event of this name, by one of its fields."""
    return Counter(data[field] for (data,) in evidence.machine.sql("SELECT data FROM events WHERE name = %s", name))
