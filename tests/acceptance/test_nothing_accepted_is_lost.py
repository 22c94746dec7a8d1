"""Kills, wipes, deletes and twins in the middle of an ingest: one effect, no orphan, never half a document."""

import os
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from uuid import uuid4

import psutil
from client import OPERATOR_KEY, Client
from messaging import put, say, settled
from recorder import Answer, Recorder
from stack import Stack, wait_for


def slow_document(api: Client, vendors: Recorder, times: int = 1) -> tuple[str, str, Event]:
    """A document that is being embedded, so many times, until the event is set: (its id, a word of it, the event)."""
    word, answered = f"word{uuid4().hex}", Event()
    vendors.script(word, *[Answer(when=answered)] * times)
    doc_id = api.add_text(f"The {word} stands in the hall.")
    wait_for(lambda: vendors.asked("/embeddings", word))
    return doc_id, word, answered


def chunks(stack: Stack, doc_id: str) -> int:
    return int(stack.sql("SELECT count(*) FROM chunks WHERE doc_id = %s", doc_id)[0][0])


def temporary_files(stack: Stack, doc_id: str) -> list[Path]:
    """Those with a name which the document's worker has open: a kill would leave them."""
    folder, log = Path(tempfile.gettempdir()).resolve(), stack.log_path.resolve()
    opened = [Path(file.path) for file in psutil.Process(stack.worker_of(doc_id)).open_files()]
    return [path for path in opened if path.is_relative_to(folder) and path.exists() and path != log]


def test_a_killed_workers_job_runs_again_and_the_death_costs_no_attempt(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    doc_id, _, _ = slow_document(api, vendors)
    assert not temporary_files(stack, doc_id)
    stack.kill_worker_of(doc_id)
    doc = api.settled(doc_id)
    assert (doc["status"], doc["attempts"]) == ("READY", 2)
    assert stack.sql("SELECT failures, deaths, state FROM outbox WHERE row_id = %s", doc_id) == [(0, 1, "done")]
    assert chunks(stack, doc_id) == doc["chunkCount"]
    assert wait_for(lambda: vendors.asked("/envelope/", doc_id)), "a killed job is reported"
    wait_for(lambda: not stack.redis.zrange("rq:wip:ingestion", 0, -1))
    wait_for(lambda: len(stack.pids_of_workers("ingestion")) == 3)


def test_a_document_that_kills_its_worker_again_and_again_is_failed_in_the_end(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    doc_id, word, _ = slow_document(api, vendors, 8)
    for asked in range(1, 7):
        wait_for(lambda n=asked: len(vendors.asked("/embeddings", word)) == n)
        stack.kill_worker_of(doc_id)
        if asked > 2:  # from the third death on each is a failed attempt, with its wait
            wait_for(lambda n=asked: stack.sql("SELECT failures FROM outbox WHERE row_id = %s", doc_id) == [(n - 2,)])
            stack.sql("UPDATE outbox SET due_at = now() WHERE row_id = %s AND state = 'pending'", doc_id)
    doc = api.settled(doc_id)
    assert (doc["status"], doc["attempts"], doc["retryAt"]) == ("ERROR", 6, None)
    assert "stopped unexpectedly" in doc["errorMsg"]
    assert chunks(stack, doc_id) == 0


def test_redis_wiped_in_the_middle_of_an_ingest_loses_nothing(api: Client, stack: Stack, vendors: Recorder) -> None:
    running, word, answered = slow_document(api, vendors)
    waiting = [api.add_text(f"Waiting text number {n}.") for n in range(6)]
    stack.redis.flushall()
    answered.set()
    for doc_id in (running, *waiting):
        doc = api.settled(doc_id)
        assert doc["status"] == "READY"
        assert chunks(stack, doc_id) == doc["chunkCount"]
    assert len(vendors.embedded(word)) == 1


def test_redis_wiped_between_two_attempts_goes_on_where_it_was(api: Client, stack: Stack, vendors: Recorder) -> None:
    word = f"word{uuid4().hex}"
    vendors.script(word, *[Answer(500)] * 4)
    doc_id = api.add_text(f"On {word}.")
    wait_for(lambda: api.doc(doc_id)["retryAt"])
    stack.hurry(doc_id)
    wait_for(lambda: (d := api.doc(doc_id))["attempts"] == 2 and d["retryAt"])
    with stack.nothing_moves():
        stack.take(doc_id)
        stack.flush_redis_and_reconcile()
    wait_for(lambda: (d := api.doc(doc_id))["attempts"] == 3 and d["retryAt"])
    asked_at = vendors.asked("/embeddings", word)[-1].at
    assert 31 <= wait_for(lambda: stack.due(doc_id)) - asked_at < 37
    assert stack.failures(doc_id) == 3
    stack.hurry(doc_id)
    doc = api.settled(doc_id)
    assert (doc["status"], doc["attempts"]) == ("ERROR", 4)


def test_deleted_in_the_middle_leaves_nothing_behind(api: Client, stack: Stack, vendors: Recorder) -> None:
    doc_id, word, answered = slow_document(api, vendors)
    assert api("DELETE", f"/v1/knowledge/{doc_id}").status_code == 204
    assert api("GET", f"/v1/knowledge/{doc_id}").status_code == 404
    answered.set()
    wait_for(lambda: [e for e in stack.lines(event="job", outcome="lost") if f"-{doc_id}-" in e["id"]])
    for table in ("chunks", "document_parts", "paid_embeddings"):
        assert stack.sql(f"SELECT count(*) FROM {table} WHERE doc_id = %s", doc_id) == [(0,)]
    assert stack.sql("SELECT count(*) FROM outbox WHERE row_id = %s", doc_id) == [(0,)]
    assert api.search(word) == []


def test_ingested_again_in_the_middle_has_each_chunk_once(api: Client, stack: Stack, vendors: Recorder) -> None:
    doc_id, _, answered = slow_document(api, vendors)
    for _ in range(3):
        assert api("POST", f"/v1/knowledge/{doc_id}/reingest").status_code == 202
    answered.set()
    doc = api.settled(doc_id)
    wait_for(lambda: stack.sql("SELECT 1 FROM outbox WHERE row_id = %s AND state = 'done'", doc_id))
    assert chunks(stack, doc_id) == doc["chunkCount"] == 1


def test_the_same_source_sent_many_times_at_once_is_one_document(api: Client, stack: Stack) -> None:
    text = f"Only once: {uuid4().hex}"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.add(type="text", title="Once", text=text), range(16)))
    assert sorted(a.status_code for a in answers) == [200] * 15 + [202]
    [doc_id] = {a.json()["id"] for a in answers}
    assert api.settled(doc_id)["chunkCount"] == chunks(stack, doc_id) == 1
    assert api.add(type="text", title="Once", text=text).status_code == 200


def test_a_worker_stopped_past_its_lease_cannot_overwrite_its_successor(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    doc_id, _, answered = slow_document(api, vendors)
    owner = stack.sql("SELECT lease_owner FROM outbox WHERE row_id = %s", doc_id)[0][0]
    pid = int(wait_for(lambda: stack.redis.hget(f"rq:worker:{owner}", "pid")))
    os.kill(pid, signal.SIGSTOP)
    stack.sql("UPDATE outbox SET lease_until = now() - interval '1 second' WHERE row_id = %s", doc_id)
    doc = api.settled(doc_id)
    assert doc["attempts"] == 2
    answered.set()
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: [e for e in stack.lines(event="job", outcome="lost") if f"-{doc_id}-" in e["id"]])
    assert api.doc(doc_id) == doc
    assert chunks(stack, doc_id) == doc["chunkCount"]


def test_a_gentle_stop_releases_a_long_job_unharmed_and_ends(api: Client, stack: Stack, vendors: Recorder) -> None:
    doc_id, _, _ = slow_document(api, vendors)
    with stack.no_workers():
        state = stack.sql("SELECT state, failures, deaths, lease_owner FROM outbox WHERE row_id = %s", doc_id)
        assert state in ([("pending", 0, 0, None)], [("dispatched", 0, 0, None)])
    assert api.settled(doc_id)["status"] == "READY"


def test_a_crowd_of_one_workspace_holds_few_places_in_redis(api: Client, stack: Stack, vendors: Recorder) -> None:
    word = f"word{uuid4().hex}"
    vendors.script(word, *[Answer(when=(answered := Event()))] * 3)
    docs = [api.add_text(f"The {word} number {n}.") for n in range(12)]
    in_redis = "SELECT count(*) FROM outbox WHERE workspace_id = %s AND state IN ('dispatched', 'running')"
    assert stack.sql(in_redis, api.workspace_id)[0][0] <= 3
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
    late = other.add_text("A single text of another workspace.")
    answered.set()
    other.settled(late)
    before = "first_ready_at < (SELECT first_ready_at FROM documents WHERE id = %s)"
    done = stack.sql(f"SELECT count(*) FROM documents WHERE agent_id = %s AND {before}", api.agent_id, late)[0][0]
    assert done <= 6, "it waited for one round of the workers at most"
    for doc_id in docs:
        api.settled(doc_id)


def test_asking_again_and_again_does_not_fill_redis(api: Client, stack: Stack) -> None:
    doc_id = api.add_text("Ingest me often.")
    api.settled(doc_id)

    def queued() -> list[bytes]:
        return [job for job in stack.redis.lrange("rq:queue:ingestion", 0, -1) if doc_id.encode() in job]

    with stack.no_workers():
        for _ in range(20):
            api("POST", f"/v1/knowledge/{doc_id}/reingest")
        assert len(wait_for(queued)) == 1
    assert api.settled(doc_id)["chunkCount"] == 1


def test_a_language_this_postgres_does_not_know_is_found_by_vectors(api: Client, stack: Stack) -> None:
    stack.sql("ALTER TEXT SEARCH CONFIGURATION estonian RENAME TO estonian_of_18")  # as before Postgres 18
    try:
        text = "Täna on ilus ilm ja me läheme mere äärde jalutama, sest laps tahab kive visata ja jäätist süüa."
        doc_id = api.add_text(text)
        assert api.settled(doc_id)["status"] == "READY"
        assert api.search("ilus ilm")[0]["docId"] == doc_id
    finally:
        stack.sql("ALTER TEXT SEARCH CONFIGURATION estonian_of_18 RENAME TO estonian")


def test_while_redis_does_not_answer_documents_messages_and_mail_are_accepted_and_run_once_it_is_back(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(500))
    pid = int(stack.redis.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        kept = say(api, word)
        assert time.monotonic() - begun < 60  # bounds a hang
        doc_id = api.add_text(f"Accepted while Redis was away: {uuid4().hex}.")
        assert api("GET", f"/v1/knowledge/{doc_id}").json()["status"] == "PENDING"
        handoff = {"customerId": "customer", "channelType": "TELEGRAM", "reason": "asked for a person"}
        assert api("POST", f"/v1/agents/{api.agent_id}/handoffs", json=handoff).status_code == 201
    finally:
        os.kill(pid, signal.SIGCONT)
    assert api.settled(doc_id)["status"] == "READY"
    assert settled(api, kept["id"])["status"] == "SENT"
    wait_for(lambda: [m["status"] for m in api("GET", "/v1/emails").json()["items"]] == ["SENT"])


def test_without_a_scheduler_what_is_accepted_runs_and_so_does_what_waits_for_the_bound_its_turn_or_new_credentials(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(f"{word} first", Answer(500))
    scheduler = stack.processes["scheduler"].pid
    os.kill(scheduler, signal.SIGSTOP)
    try:
        messages = [say(api, f"{word} {which}") for which in ("first", "second")]
        docs = [api.add_text(f"The {word} number {n}.") for n in range(7)]
        assert {api.settled(doc_id)["status"] for doc_id in docs} == {"READY"}
        assert {settled(api, shown["id"])["status"] for shown in messages} == {"SENT"}
        vendors.script(f"{word} held", Answer(429, {"ok": False, "parameters": {"retry_after": 600}}))
        held = say(api, f"{word} held")
        put(api, "TELEGRAM", vendors)
        assert settled(api, held["id"])["status"] == "SENT"
    finally:
        os.kill(scheduler, signal.SIGCONT)
