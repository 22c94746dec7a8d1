"""No client, slow, gone or greedy, keeps the API from the others."""

import http.client
import itertools
import json
import select
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import openpyxl
import pytest
import requests
from client import OPERATOR_KEY, Client
from messaging import put
from recorder import Answer, Recorder
from stack import Stack

MAX_PAGE_BYTES = 1 << 20
LARGE = 400_000  # bytes of the largest message


@contextmanager
def connections(api: Client, count: int, said: str) -> Iterator[list[socket.socket]]:
    """Clients that have sent so much, and are silent now."""
    host, port = api.base_url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        made = [stack.enter_context(socket.create_connection((host, int(port)), timeout=60)) for _ in range(count)]
        for connection in made:
            connection.sendall(said.encode())
        yield made


def post(api: Client, rest: str, key: str | None = None) -> str:
    head = f"POST /v1/agents HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer {key or api.key}\r\n"
    return head + rest


@pytest.mark.slow
def test_slow_clients_hold_up_nobody_and_are_told_so(api: Client) -> None:
    kinds = {
        "silent": "", "half a head": "GET /healthz HTTP/1.1\r\nHost: x\r\n",
        "half a body": post(api, 'Content-Length: 1000\r\n\r\n{"name'),
        "half a body without a key": post(api, "Content-Length: 1000\r\n\r\n{", key="none"),
        "half a large body": post(api, f"Content-Length: 500000\r\n\r\n{'{' * 1000}"),
        "half a chunk": post(api, "Transfer-Encoding: chunked\r\n\r\n5\r\n{"),
        "nothing after 100": post(api, "Expect: 100-continue\r\nContent-Length: 10\r\n\r\n"),
    }  # fmt: skip
    with ExitStack() as all_of_them:
        slow = {kind: all_of_them.enter_context(connections(api, 130, said)) for kind, said in kinds.items()}
        ends = time.monotonic() + 4  # while they drip
        while time.monotonic() < ends:
            for connection in itertools.chain(*(slow[kind] for kind in ("half a head", "half a body"))):
                connection.send(b"x")
            assert requests.get(f"{api.base_url}/healthz", timeout=60).status_code == 200
            other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
            assert other("GET", "/v1/agents").status_code == 200
            time.sleep(0.5)
        for kind in ("half a head", "half a body"):
            assert slow[kind][0].recv(100).startswith(b"HTTP/1.1 408 "), kind


def test_large_bodies_of_strangers_hold_few_threads(api: Client) -> None:
    large = "HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n{"
    hook = "/v1/hooks/RESEND"
    with connections(api, 100, f"POST {hook} {large}") as slow:
        answered, _, _ = select.select(slow, [], [], 60)
        assert answered[0].recv(100).startswith(b"HTTP/1.1 429 ")
        assert requests.post(f"{api.base_url}{hook}", data=b"{}", timeout=60).status_code == 401, "a report is small"
        assert api("POST", "/v1/agents", json={"name": "x" * 400}).status_code == 201


@pytest.mark.slow
def test_an_idle_connection_is_kept_longer_than_a_few_seconds(api: Client, stack: Stack) -> None:
    connection = http.client.HTTPConnection(api.base_url.removeprefix("http://"), timeout=60)
    connection.request("GET", "/healthz")
    connection.getresponse().read()
    connection.auto_open = 0
    time.sleep(7)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200


def test_no_header_of_a_client_names_the_path(api: Client) -> None:
    for name in ("PATH_INFO", "SCRIPT_NAME", "REMOTE_USER"):
        with connections(api, 1, f"GET /healthz HTTP/1.0\r\n{name}: /metrics\r\n\r\n") as [client]:
            assert b'"alive"' in b"".join(iter(lambda: client.recv(4096), b"")), name


def test_a_workspaces_streams_are_bounded_and_those_of_a_client_that_is_gone_are_free_at_once(api: Client) -> None:
    asked = f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.key}\r\n\r\n"
    for _ in range(3):  # a reload storm
        with connections(api, 100, asked) as streams:
            answers = Counter(stream.recv(20)[9:12] for stream in streams)
            assert answers[b"200"] and not answers[b"503"], answers  # 429: the machine is busy
    with connections(api, 280, asked) as streams:
        answers = Counter(stream.recv(20)[9:12] for stream in streams)
        assert answers[b"200"] >= 120 and answers[b"503"] > 0, answers
        other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
        with connections(other, 1, asked.replace(api.key, other.key)) as [stream]:
            assert stream.recv(20).startswith(b"HTTP/1.1 200 ")
        assert other("GET", "/v1/agents").status_code == api("GET", "/v1/agents").status_code == 200


def test_a_workspaces_searches_are_bounded(api: Client, vendors: Recorder) -> None:
    word = f"word{uuid4().hex}"
    vendors.script(word, *[Answer(delay_seconds=2)] * 60)
    search = f"/v1/agents/{api.agent_id}/knowledge/search"
    with ThreadPoolExecutor(60) as pool:
        running = [pool.submit(api, "GET", search, params={"q": word}) for _ in range(60)]
        other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
        assert other.search("Anything?") == []
        refused = [answer.result() for answer in running if answer.result().status_code != 200]
    assert {answer.status_code for answer in refused} == {429} and len(refused) > 30
    assert all(answer.headers["Retry-After"] == "1" for answer in refused)


def test_a_page_holds_as_many_rows_as_its_bytes_allow(api: Client, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    assert api("POST", "/v1/pauses", json={"channelType": "TELEGRAM", "reason": "Not to be sent."}).status_code == 201
    for number in range(7):
        body = {"channelType": "TELEGRAM", "customerId": str(number), "content": "😀" * 100_000}
        assert api("POST", f"/v1/agents/{api.agent_id}/messages", json=body).status_code == 201
    customers: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        answer = api("GET", f"/v1/agents/{api.agent_id}/messages", params={"limit": 200, **cursor})
        assert len(answer.content) < MAX_PAGE_BYTES + LARGE + 10_000
        customers += [shown["customerId"] for shown in answer.json()["items"]]
        if answer.json()["nextCursor"] is None:
            break
        cursor = {"cursor": answer.json()["nextCursor"]}
    assert customers == [str(number) for number in reversed(range(7))]


def test_a_workspace_has_at_most_100_keys(api: Client, stack: Stack) -> None:
    stack.sql(
        "INSERT INTO api_keys SELECT 'key_' || gen_random_uuid(), %s, decode(md5(gen_random_uuid()::text), 'hex'), now()"
        " FROM generate_series(1, 98)",
        api.workspace_id,
    )
    assert api("POST", "/v1/keys").status_code == 201
    refused = api("POST", "/v1/keys")
    assert refused.status_code == 409 and "100 keys" in refused.json()["detail"]


def test_a_problem_is_short_whatever_it_is_about(api: Client) -> None:
    many = {f"{'x' * 1000}{number}": 1 for number in range(5000)}
    for method, path, body in (
        ("POST", "/v1/agents", {"name": "A", **many}),
        ("PUT", "/v1/channels/TELEGRAM", {"credentials": many}),
    ):
        answer = api(method, path, data=json.dumps(body), headers={"Content-Type": "application/json"})
        assert answer.status_code == 422 and answer.json()["errors"]
        assert len(answer.content) < 50_000
    answer = api("POST", "/v1/agents", json=many)  # each unknown field would cost an error
    assert [error["field"] for error in answer.json()["errors"]] == ["body"]
    form = requests.post(f"{api.base_url}/console/sign-in", data=many, timeout=60)
    assert form.status_code == 413


def test_names_in_a_file_are_short_and_one_line_wherever_they_are_shown(
    api: Client, stack: Stack, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    book.active.append(["A text", "to be found"])
    hidden = book.create_sheet("Margins")
    hidden.sheet_state, hidden._WorkbookChild__title = "hidden", 'M"\n{"event": "forged"}' + "x" * 100_000
    book.save(tmp_path / "made.xlsx")
    doc_id = api.upload("made.xlsx", (tmp_path / "made.xlsx").read_bytes()).json()["id"]
    note = api.settled(doc_id, "READY")["errorMsg"]
    assert "hidden" in note or note.endswith("…")
    assert len(note) <= 500 and "\n" not in note
    assert not stack.lines(event="forged")
