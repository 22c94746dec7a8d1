"""A word planted in all that customers and vendors say is found in no log line and no Sentry event, whatever fails."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests
from client import OPERATOR_KEY, Client
from mails import announce, announced
from messaging import settled as message_settled
from recorder import Answer, Recorder
from routes import ROUTES, body, params, path
from searched import raw, refusing, written_down
from site_server import Page, serving
from stack import Stack, wait_for

WORD = f"planted{uuid4().hex}"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client(stack: Stack, vendors: Recorder) -> Iterator[Client]:
    """A workspace with the word in its names. After the test everything that was written down is searched."""
    names = {"name": f"Shop {WORD}", "notifyEmail": f"{WORD}@example.com"}
    api = Client.of_new_workspace(stack.base_url, OPERATOR_KEY, **names)
    credentials = {
        "TELEGRAM": {"botToken": f"1:{WORD}"},
        "WEBHOOK": {"url": f"{vendors.url}/{WORD}", "secret": "whsec_" + "QUJD" * 8},
    }
    for channel, fields in credentials.items():
        assert api("PUT", f"/v1/channels/{channel}", json={"credentials": fields}).ok
    yield api
    for place, text in written_down(stack, vendors).items():
        for secret in (WORD, api.key, OPERATOR_KEY, "whsec_", "sk-test"):
            assert secret not in text, (
                f"{place}: ...{text[max(0, text.index(secret) - 300) : text.index(secret) + 60]}..."
            )


def word() -> str:
    """One that holds the planted one, and that a vendor's script can be bound to."""
    return f"{WORD}x{uuid4().hex[:8]}"


def send(api: Client, content: str, channel: str = "TELEGRAM") -> dict[str, Any]:
    sent = {"channelType": channel, "customerId": f"customer {WORD} {uuid4().hex}", "content": content}
    answer = api("POST", f"/v1/agents/{api.agent_id}/messages", json=sent, headers={"Idempotency-Key": word()})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_when_all_goes_well(client: Client, stack: Stack) -> None:
    agent = f"/v1/agents/{client.agent_id}"
    with serving() as site:
        site.pages[f"/{WORD}"] = Page(f"<p>The page says {WORD}.</p>".encode())
        docs = [
            client.add(type="url", url=f"{site.url}/{WORD}"),
            client.upload(f"{WORD}.md", f"# {WORD}\n\nText.".encode()),
        ]
        docs += [
            client.add(type="qa", question=f"{WORD}?", answer=WORD),
            client.add(type="text", title=WORD, text=WORD),
        ]
        assert {client.settled(doc.json()["id"])["status"] for doc in docs} == {"READY"}
    assert client.search(WORD)
    for channel in ("TELEGRAM", "WEBHOOK"):
        assert message_settled(client, send(client, f"Hello {WORD}", channel)["id"])["status"] == "SENT"
    said = {"channelType": "LINE", "customerId": WORD}
    assert client("POST", f"{agent}/inbound", json={**said, "content": WORD}).status_code == 201
    assert client("POST", f"{agent}/handoffs", json={**said, "reason": f"Wants a person. {WORD}"}).status_code == 201
    once = {"Idempotency-Key": WORD}
    for amount in (1, 950, 10**9):
        once = {"Idempotency-Key": word()}
        used = client("POST", "/v1/credits/usage", json={"amount": amount, "reason": WORD}, headers=once)
        assert used.status_code in (200, 409)
    assert announce(client, word(), url=f"https://pay.example/{WORD}").status_code == 201
    assert client("POST", "/v1/agents", json={"name": WORD}).status_code == 201
    wait_for(lambda: len(client("GET", "/v1/emails?status=SENT").json()["items"]) == 3)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 503])
def test_when_vendors_refuse_and_repeat_what_they_were_told(
    status: int, client: Client, stack: Stack, vendors: Recorder
) -> None:
    echo = word()
    said = {
        "error": {"message": f"cannot embed {echo}", "code": echo, "type": echo}, "ok": False, "error_code": status,
        "description": f"Bad Request: {echo}", "name": echo, "message": echo,
    }  # fmt: skip
    failing = [Answer(status, said, {"Retry-After": "1", "X-Echo": echo})] * 9
    vendors.script(echo, *failing)
    doc_id = client.add_text(f"About {echo}.", echo)
    sent = [send(client, f"Dear {echo}", channel)["id"] for channel in ("TELEGRAM", "WEBHOOK")]
    found = client("GET", f"/v1/agents/{client.agent_id}/knowledge/search", params={"q": echo})
    assert found.status_code in (200, 502, 503), "200: by words alone"
    mail_id, _ = announced(client, vendors, *failing)
    wait_for(lambda: client.doc(doc_id)["errorMsg"])
    for message_id in sent:
        wait_for(lambda m=message_id: client("GET", f"/v1/messages/{m}").json()["attempts"])
    wait_for(lambda: stack.sql("SELECT 1 FROM outbox WHERE row_id = %s AND runs > 0 AND lease_owner IS NULL", mail_id))


def test_when_vendors_break_off(client: Client, stack: Stack, vendors: Recorder) -> None:
    lost = word()
    vendors.script(lost, *[Answer(silent=True)] * 9)
    doc_id, sent = client.add_text(f"About {lost}."), send(client, lost)
    assert sent["attempts"][0]["outcome"] == "unknown"
    wait_for(lambda: client.doc(doc_id)["errorMsg"])


def test_when_the_database_refuses_a_row_and_quotes_it(client: Client, stack: Stack, vendors: Recorder) -> None:
    refused, agent = word(), f"/v1/agents/{client.agent_id}"
    reported = len(vendors.asked("/envelope/"))
    in_requests = {"agents": "name", "messages": "content", "inbound_messages": "content", "handoffs": "reason",
                   "ledger": "reason", "invoices": "number", "workspaces": "name"}  # fmt: skip
    said = {"channelType": "TELEGRAM", "customerId": "customer"}
    with refusing(stack, refused, **in_requests):
        once = {"Idempotency-Key": word()}
        answers = [
            client("POST", "/v1/agents", json={"name": refused}),
            client("POST", f"{agent}/messages", json={**said, "content": refused}),
            client("POST", f"{agent}/inbound", json={**said, "content": refused}),
            client("POST", f"{agent}/handoffs", json={**said, "reason": refused}),
            client("POST", "/v1/credits/usage", json={"amount": 1, "reason": refused}, headers=once),
            announce(client, refused),
            client("PATCH", f"/v1/workspaces/{client.workspace_id}", key=OPERATOR_KEY, json={"name": refused}),
        ]
        assert [answer.status_code for answer in answers] == [500] * len(answers)
        assert all(WORD not in answer.text for answer in answers)
    with refusing(stack, refused, chunks="content"):
        doc_id = client.add_text(f"About {refused}.")
        wait_for(lambda: client.doc(doc_id)["errorMsg"])
        assert WORD not in client.doc(doc_id)["errorMsg"]
    assert stack.lines(event="request failed")
    wait_for(lambda: [line for line in stack.lines(event="job") if doc_id in line.get("id", "")])
    wait_for(lambda: len(vendors.asked("/envelope/")) >= reported + len(answers))


def test_when_a_request_is_wrong_in_any_field(client: Client) -> None:
    for route in ROUTES:
        key = OPERATOR_KEY if route.access == "operator" else client.key
        ids = dict.fromkeys(params(route), WORD) | {"agent_id": client.agent_id, "workspace_id": client.workspace_id}
        url = path(route, ids)
        if route.body is not None:
            for wrong in (
                {WORD: WORD},
                *({**(body(route) or {}), field: [WORD]} for field in body(route) or {}),
                [WORD],
            ):
                assert 400 <= client(route.method, url, key=key, json=wrong).status_code < 500, (url, wrong)
            client(route.method, url, key=key, data=f'{{"{WORD}": '.encode(), headers=JSON)
        elif route.media_type == "application/json":
            client(
                route.method,
                url,
                key=key,
                params={"q": WORD * 90, "status": WORD, "limit": WORD, "cursor": WORD, "from": WORD},
            )


def test_when_it_is_no_request_at_all(client: Client) -> None:
    key = f"Authorization: Bearer {client.key}\r\n"
    for data in (
        f"GET /v1/agents?q={WORD} and more HTTP/1.1\r\n{key}\r\n", f"{WORD} / HTTP/1.1\r\n{key}\r\n", f"G{WORD}ET\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\n{key[:-2]}\0{WORD}\r\n\r\n", f"GET / HTTP/1.1\r\nX {WORD}: 1\r\n{key}\r\n",
        f"GET / HTTP/{WORD}\r\n\r\n", f"GET /{WORD * 300} HTTP/1.1\r\n\r\n", f"GET / HTTP/1.1\r\nX: 1\r\n {WORD}\r\n\r\n",
        f"POST /v1/agents HTTP/1.1\r\nHost: x\r\n{key}Transfer-Encoding: {WORD}\r\n\r\n",
        f"POST /v1/agents HTTP/1.1\r\nHost: x\r\n{key}Transfer-Encoding: chunked\r\n\r\n{WORD}\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: {WORD}\r\n\r\n", f"GET / HTTP/1.1\r\nExpect: {WORD}\r\nHost: x\r\n\r\n",
    ):  # fmt: skip
        answer = raw(client.base_url, data.encode())
        assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501", b"HTTP/1.1 302")), data
        assert b"Traceback" not in answer
    wrong = {"Authorization": f"Bearer nsk_{WORD}"}
    assert requests.get(f"{client.base_url}/v1/agents", headers=wrong, timeout=60).status_code == 401
