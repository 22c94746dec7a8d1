"""GET /v1/events: everything once, in order, also over a broken connection."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any
from uuid import uuid4

import psycopg2
import requests
from client import OPERATOR_KEY, Client
from recorder import Answer, Recorder
from stack import Stack, wait_for


class Listener:
    def __init__(self, api: Client, last: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {api.key}", **({"Last-Event-ID": last} if last is not None else {})}
        self.answer = requests.get(f"{api.base_url}/v1/events", headers=headers, stream=True, timeout=60)
        assert self.answer.status_code == 200
        self.events: list[dict[str, Any]] = []
        self.comments = 0
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        wait_for(lambda: self.comments)

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            for line in self.answer.iter_lines(chunk_size=1, decode_unicode=True):
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif fields:
                    self.events.append({**fields, "data": json.loads(fields["data"]), "at": time.time()})
                    fields = {}
        except (requests.RequestException, AttributeError):
            pass
        self.ended.set()

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]


@contextmanager
def listening(api: Client, last: str | None = None) -> Iterator[Listener]:
    listener = Listener(api, last)
    try:
        yield listener
    finally:
        with suppress(RuntimeError):  # the server ended it first
            listener.answer.raw.shutdown()


def test_progress_and_readiness_are_told_in_order(api: Client) -> None:
    with listening(api) as live:
        doc_id = api.add_text("An eventful text.")
        [ready] = wait_for(lambda: live.named("knowledge_ready"))
        assert ready["data"] == {"docId": doc_id, "chunkCount": 1}
        stages = [event["data"]["stage"] for event in live.named("knowledge_progress")]
        assert stages == ["extract", "embed", "store"]
        assert [int(event["id"]) for event in live.events] == [1, 2, 3, 4]


def test_a_broken_stream_resumes_without_gap_or_repeat(api: Client) -> None:
    with listening(api) as live:
        api.settled(api.add_text("First."))
        seen = wait_for(lambda: live.named("knowledge_ready") and list(live.events))
    missed = api.add_text("Second.")
    api.settled(missed)
    with listening(api, seen[1]["id"]) as resumed:
        wait_for(lambda: len(resumed.named("knowledge_ready")) == 2)
        assert [int(e["id"]) for e in resumed.events] == list(range(3, 9))
        assert resumed.events[:2] == [{**e, "at": r["at"]} for e, r in zip(seen[2:], resumed.events, strict=False)]
    with listening(api, "0") as all_of_it:
        wait_for(lambda: len(all_of_it.events) == 8)


def test_only_the_final_failure_is_an_event(api: Client, stack: Stack, vendors: Recorder) -> None:
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(500), Answer(400, {"error": {"code": "bad"}}))
    with listening(api) as live:
        doc_id = api.add_text(f"On {word}.")
        wait_for(lambda: api.doc(doc_id)["retryAt"])
        assert not live.named("knowledge_error")
        stack.hurry(doc_id)
        [error] = wait_for(lambda: live.named("knowledge_error"))
        assert error["data"] == {"docId": doc_id, "errorMsg": api.doc(doc_id)["errorMsg"]}


def test_a_workspace_hears_nothing_of_another(api: Client) -> None:
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
    with listening(api) as live, listening(other) as theirs:
        api.settled(api.add_text("Mine."))
        wait_for(lambda: live.named("knowledge_ready"))
        other.settled(other.add_text("Theirs."))
        wait_for(lambda: theirs.named("knowledge_ready"))
        assert len(live.named("knowledge_ready")) == len(theirs.named("knowledge_ready")) == 1


def test_a_bad_last_event_id_is_422(api: Client) -> None:
    assert api("GET", "/v1/events", headers={"Last-Event-ID": "x"}).status_code == 422


def test_an_id_beyond_the_newest_is_400(api: Client) -> None:
    assert api("GET", "/v1/events", headers={"Last-Event-ID": "1"}).status_code == 400
    api.settled(api.add_text("Four events."))
    refused = api("GET", "/v1/events", headers={"Last-Event-ID": "5"})
    assert (refused.status_code, refused.json()["detail"]) == (
        400,
        "Last-Event-ID: the newest event of this workspace is 4.",
    )
    with listening(api, "4"):
        pass


def test_events_are_told_while_someone_else_holds_a_transaction_open_that_has_written(
    api: Client, stack: Stack
) -> None:
    with closing(psycopg2.connect(stack.env["DATABASE_URL"])) as held, listening(api) as live:
        held.cursor().execute("SELECT pg_current_xact_id(); CREATE TEMPORARY TABLE report AS SELECT * FROM events")
        api.settled(api.add_text("While a report is made."))
        wait_for(lambda: live.named("knowledge_ready"))
        assert [int(event["id"]) for event in live.events] == [1, 2, 3, 4]


def test_an_open_stream_does_not_hold_up_a_stop_of_the_api(api: Client, stack: Stack) -> None:
    with listening(api) as live:
        web = stack.processes["web"]
        web.send_signal(signal.SIGTERM)
        assert web.wait(30) == 0
        assert live.ended.wait(30)
    stack.launch("web")
    stack.wait_ready()
