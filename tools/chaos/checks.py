"""What is counted when all is quiet. Each check returns the differences, with their ids; none is as it should be."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from load import MARKERS
from scene import Scene
from vendors import TAG

from jobs.queues import QUEUES
from nightshift.channels import CHANNELS


def every_promise_is_final(scene: Scene) -> list[str]:
    docs = _by_id(scene, "SELECT id, status FROM documents")
    sent = _by_id(scene, "SELECT id, status FROM messages")
    kept = [doc_id for number, (doc_id, *_) in scene.accepted.documents.items() if number not in scene.accepted.removed]
    said = [message_id for message_id, *_ in scene.accepted.messages.values()]
    wrong = [f"{doc_id} is {docs.get(doc_id, 'gone')}" for doc_id in kept if docs.get(doc_id) != "READY"]
    wrong += [f"{doc_id} was removed and is there" for doc_id in scene.accepted.removed.values() if doc_id in docs]
    wrong += [f"{name} is {sent.get(name, 'gone')}" for name in said if sent.get(name) != "SENT"]
    wrong += [f"{name} was never accepted" for name in sent.keys() - set(said)]
    return wrong + [f"{name} was never accepted" for name in docs.keys() - {d for d, *_ in _docs(scene)}]


def each_document_has_its_own_chunks(scene: Scene) -> list[str]:
    """Each paragraph once, numbered without a gap, as many as the document says; none of a document that is gone."""
    chunks: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for doc_id, idx, content in scene.machine.sql("SELECT doc_id, chunk_idx, content FROM chunks ORDER BY 1, 2"):
        chunks[doc_id].append((idx, content))
    counts = _by_id(scene, "SELECT id, chunk_count FROM documents")
    wrong = [f"chunks of {doc_id}, which is gone" for doc_id in chunks.keys() - counts.keys()]
    for number, (doc_id, paragraphs, _) in scene.accepted.documents.items():
        mine = chunks.get(doc_id, []) if doc_id in counts else None
        if mine is None:
            continue
        tags = [name for _, content in mine for name in TAG.findall(content)]
        if sorted(tags) != sorted(("d", str(number), str(part)) for part in range(1, paragraphs + 1)):
            wrong.append(f"{doc_id} holds {tags}")
        if [idx for idx, _ in mine] != list(range(counts[doc_id])):
            wrong.append(f"{doc_id} has {[idx for idx, _ in mine]}, says {counts[doc_id]}")
    for table in ("document_parts", "paid_embeddings"):
        which = "" if table == "paid_embeddings" else " WHERE doc_id NOT IN (SELECT id FROM documents)"
        wrong += [f"{table} of {row[0]}" for row in scene.machine.sql(f"SELECT doc_id FROM {table}{which}")]
    return wrong


def each_message_arrived(scene: Scene) -> list[str]:
    """Each part once; more often only as often as a try of the message is unknown, and never where the vendor has a key."""
    unknown = Counter(
        row[0] for row in scene.machine.sql("SELECT message_id FROM message_attempts WHERE outcome = 'unknown'")
    )
    delivered = scene.vendors.delivered("m")
    wrong = []
    for number, (message_id, lane, parts) in scene.accepted.messages.items():
        spare = 0 if CHANNELS[lane.channel].honours_key else unknown[message_id]
        for part in range(1, parts + 1):
            times = len(delivered.get((number, part), []))
            if not 1 <= times <= 1 + spare:
                wrong.append(f"{message_id} part {part} by {lane.channel}: {times} times, {spare} may be repeated")
    return wrong


def order_is_kept(scene: Scene) -> list[str]:
    """In each lane, what arrives for the first time comes after all that was accepted before."""
    lanes: dict[Any, list[tuple[int, str]]] = defaultdict(list)
    for number, (message_id, lane, _) in sorted(scene.accepted.messages.items()):
        lanes[lane].append((number, message_id))
    firsts: dict[tuple[int, int], int] = {}
    for position, delivery in enumerate(scene.vendors.deliveries):
        for name in delivery.tags("m"):
            firsts.setdefault(name, position)
    wrong = []
    for lane, said in lanes.items():
        numbers = {number for number, message_id in said if message_id not in scene.replayed}
        arrived = sorted((name for name in firsts if name[0] in numbers), key=lambda name: firsts[name])
        wrong += [f"{lane}: {before} came before {after}" for before, after in pairwise(arrived) if after < before]
    return wrong


def each_event_is_told_once(scene: Scene) -> list[str]:
    """Numbered without a gap in each workspace; one message_sent a message; a document is ready as often as it was asked
    for at most (a second order may overtake the first)."""
    gaps = scene.machine.sql("""
        SELECT w.id, w.event_seq, count(e.seq), max(e.seq) FROM workspaces w LEFT JOIN events e ON e.workspace_id = w.id
        GROUP BY 1, 2 HAVING w.event_seq <> count(e.seq) OR w.event_seq <> coalesce(max(e.seq), 0)
    """)
    told = Counter(
        row[0]["messageId"] for row in scene.machine.sql("SELECT data FROM events WHERE name = 'message_sent'")
    )
    wrong = [f"{workspace} counts {seq} events, has {count} up to {last}" for workspace, seq, count, last in gaps]
    sent = [message_id for message_id, *_ in scene.accepted.messages.values()]
    wrong += [f"{name}: message_sent {told[name]} times" for name in sent if told[name] != 1]
    ready = Counter(
        row[0]["docId"] for row in scene.machine.sql("SELECT data FROM events WHERE name = 'knowledge_ready'")
    )
    orders = Counter(doc_id for doc_id, *_ in scene.accepted.documents.values()) + scene.accepted.reingests
    orders += Counter(scene.replayed)
    return wrong + [f"{doc_id}: knowledge_ready {count} times" for doc_id, count in (ready - orders).items()]


def nothing_is_left_in_hand(scene: Scene) -> list[str]:
    """No lease, nothing owed, no job in RQ's list of running ones or between a queue and a worker."""
    held = scene.machine.sql(
        "SELECT job, row_id, state, lease_owner FROM work WHERE state <> 'done' OR lease_owner <> ''"
    )
    wrong = [f"{job} {row_id} is {state}, held by {owner}" for job, row_id, state, owner in held]
    for queue in QUEUES:
        wrong += [f"{name} in rq:wip:{queue}" for name in scene.machine.redis.zrange(f"rq:wip:{queue}", 0, -1)]
        for key in (f"rq:queue:{queue}", f"rq:queue:{queue}:intermediate"):
            wrong += [f"{name} in {key}" for name in scene.machine.redis.lrange(key, 0, -1)]
    return wrong


def nobody_reads_it_in_a_log(scene: Scene) -> list[str]:
    """No marker of a credential, a mail or a customer's text in a log line or a Sentry event."""
    wrong = []
    texts = {path.name: path.read_bytes() for path in scene.machine.logs()}
    events = b"\n".join(request.body for request in scene.vendors.asked("/envelope/"))
    for name, text in {**texts, "a Sentry event": events}.items():
        found = {mark for mark in MARKERS if mark.encode() in text} | {m.decode() for m in _tags(text)}
        wrong += [f"{mark} in {name}" for mark in sorted(found)]
    return wrong


Check = Callable[[Scene], list[str]]
CHECKS: list[Check] = [
    every_promise_is_final, each_document_has_its_own_chunks, each_message_arrived, order_is_kept,
    each_event_is_told_once, nothing_is_left_in_hand, nobody_reads_it_in_a_log,
]  # fmt: skip


def _tags(text: bytes) -> set[bytes]:
    return set(re.findall(rb"x[dmh]\d+p\d+x", text))


def _docs(scene: Scene) -> list[Any]:
    return list(scene.accepted.documents.values())


def _by_id(scene: Scene, query: str) -> dict[str, Any]:
    return dict(scene.machine.sql(query))
