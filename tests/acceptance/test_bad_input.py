"""What a caller does wrong is told to them in one clear answer, and the next document is served at once."""

import io
import random
import socket

import pytest
import requests
from client import OPERATOR_KEY, Client
from PIL import Image
from pypdf import PdfReader, PdfWriter
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from stack import Stack


def plain_pdf() -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.drawString(60, 700, "A line of text.")
    canvas.save()
    return file.getvalue()


def locked_pdf() -> bytes:
    writer, file = PdfWriter(PdfReader(io.BytesIO(plain_pdf()))), io.BytesIO()
    writer.encrypt("secret")
    writer.write(file)
    return file.getvalue()


def scanned_pdf() -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.drawImage(ImageReader(Image.effect_noise((200, 200), 50)), 50, 300, 400, 400)
    canvas.save()
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("locked.pdf", locked_pdf(), "password"),
        ("scan.pdf", scanned_pdf(), "scan"),
        ("cut.pdf", plain_pdf()[:200], "damaged"),
        ("empty.txt", b"", "no text"),
        ("blank.md", b" \n\n \t ", "no text"),
    ],
)
def test_what_cannot_be_read_ends_at_once_in_a_sentence_and_the_next_one_is_served(
    name: str, data: bytes, words: str, api: Client
) -> None:
    bad = api.upload(name, data)
    assert bad.status_code == 202
    doc = api.settled(bad.json()["id"])
    assert (doc["status"], doc["attempts"], doc["retryAt"], doc["chunkCount"]) == ("ERROR", 1, None, 0)
    assert words in doc["errorMsg"].lower()
    assert doc["errorMsg"].endswith(".")
    assert api.settled(api.add_text("A good text after it."))["status"] == "READY"


def test_a_text_of_nuls_and_lone_surrogates_ends_in_a_sentence(api: Client) -> None:
    answer = api(
        "POST",
        f"/v1/agents/{api.agent_id}/knowledge",
        data=b'{"type": "text", "title": "Odd", "text": "\\u0000\\ud800\\u0000"}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 202
    doc = api.settled(answer.json()["id"])
    assert doc["status"] == "ERROR"
    assert "contains no text" in doc["errorMsg"]


def test_nuls_and_surrogates_within_a_text_are_left_out(api: Client) -> None:
    doc_id = api.add(type="text", title="T\x00itle", text="Good \x00 words \ud800 remain.").json()["id"]
    assert api.settled(doc_id)["status"] == "READY"
    [chunk] = api("GET", f"/v1/knowledge/{doc_id}/chunks").json()["items"]
    assert chunk["content"].split() == ["Good", "words", "remain."]


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"[" * 200_000])
def test_malformed_json_is_400(body: bytes, api: Client) -> None:
    path = f"/v1/agents/{api.agent_id}/knowledge"
    answer = api("POST", path, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= set(answer.json())


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["type"]),
        ({"type": "song"}, ["type"]),
        ({"type": "text"}, ["text", "title"]),
        ({"type": "text", "title": 5, "text": "x"}, ["title"]),
        ({"type": "text", "title": "x", "text": ""}, ["text"]),
        ({"type": "text", "title": " \t", "text": "x"}, ["title"]),
        ({"type": "text", "title": "x", "text": "y", "colour": "red"}, ["colour"]),
        ({"type": "qa", "question": "x"}, ["answer"]),
        ([1], ["body"]),
    ],
)
def test_wrong_fields_are_422_and_each_is_named(body: object, fields: list[str], api: Client) -> None:
    answer = api("POST", f"/v1/agents/{api.agent_id}/knowledge", json=body)
    assert answer.status_code == 422
    assert sorted(error["field"] for error in answer.json()["errors"]) == fields
    assert all(error["message"] for error in answer.json()["errors"])


def test_a_file_of_60_mb_is_413(api: Client) -> None:
    answer = api.upload("big.txt", b"x" * (60 << 20))
    assert answer.status_code == 413
    assert answer.json()["status"] == 413


def test_a_file_of_49_mb_is_taken_whatever_its_bytes(api: Client) -> None:
    noise = random.Random(7).randbytes(8 << 20) + b"\r\n--" * (1 << 20) + b"x" * (35 << 20)
    assert api.upload("large.pdf", b"%PDF-1.4\n" + noise).status_code == 202


@pytest.mark.parametrize(
    ("name", "data"),
    [("report.pdf", b"MZ\x90\x00\x03" + bytes(500)), ("notes.txt", bytes(100)), ("a.md", b"PK\x03\x04" + bytes(50))],
)
def test_a_kind_we_do_not_take_is_415_whatever_its_name(name: str, data: bytes, api: Client) -> None:
    assert api.upload(name, data).status_code == 415


def test_a_form_without_a_file_and_a_body_that_is_no_json_are_named(api: Client) -> None:
    path = f"/v1/agents/{api.agent_id}/knowledge"
    assert api("POST", path, files={"other": ("a", b"x")}).json()["errors"][0]["field"] == "file"
    assert api("POST", path, data={"type": "text"}).status_code == 415


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=-1",
        "limit=0000000199999999",
        "cursor=%FF",
        "cursor=???",
        "cursor=AA==",
        "cursor=",
        "status=LOST",
    ],
)
def test_a_bad_page_is_422(query: str, api: Client) -> None:
    assert api("GET", f"/v1/agents/{api.agent_id}/knowledge?{query}").status_code == 422


@pytest.mark.parametrize("query", ["", "q=", "q=%20", "q=" + "x" * 2001, "q=x&limit=51"])
def test_a_bad_question_is_422(query: str, api: Client) -> None:
    assert api("GET", f"/v1/agents/{api.agent_id}/knowledge/search?{query}").status_code == 422


@pytest.mark.parametrize(
    "path", ["/v1/knowledge/%00", "/v1/knowledge/doc_%ed%a0%80", "/v1/nothing", "/v1/knowledge/none"]
)
def test_what_is_not_there_is_404(path: str, api: Client) -> None:
    answer = api("GET", path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer"}, {"Authorization": "Bearer nsk_wrong"}, {"Authorization": "Basic eDp5"}]
)
def test_no_key_or_a_wrong_one_is_401(header: dict[str, str], api: Client) -> None:
    assert requests.get(f"{api.base_url}/v1/agents", headers=header, timeout=60).status_code == 401


def test_a_workspace_key_opens_no_operator_route(api: Client) -> None:
    assert api("POST", "/v1/workspaces", json={}).status_code == 401
    assert api("PATCH", f"/v1/workspaces/{api.workspace_id}", json={}).status_code == 401


def test_a_long_heading_and_a_line_of_blanks_are_read_in_bounded_time_and_space(api: Client, stack: Stack) -> None:
    long_heading = "# " + "heading " * 30_000 + "\n\n" + "Words of the section. " * 400
    blanks = "# x" + " " * 400_000 + "x\n\nText."
    docs = [api.upload(f"{n}.md", text.encode()).json()["id"] for n, text in enumerate((long_heading, blanks))]
    for doc_id in docs:
        assert api.settled(doc_id)["status"] == "READY"
    [(longest,)] = stack.sql("SELECT max(length(array_to_string(headings, ''))) FROM chunks WHERE doc_id = %s", docs[0])
    assert longest <= 200


def test_deeply_nested_json_is_400_with_an_idempotency_key_too(api: Client) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "deep"}
    assert api("POST", "/v1/agents", data=b"[" * 200_000, headers=headers).status_code == 400


def test_slow_senders_hold_no_connection_to_the_database(api: Client, stack: Stack) -> None:
    host, port = api.base_url.removeprefix("http://").split(":")
    head = (
        f"POST /v1/agents/{api.agent_id}/knowledge HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {api.key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )
    senders = [socket.create_connection((host, int(port))) for _ in range(50)]
    try:
        for sender in senders:
            sender.sendall(head.encode())
        assert api("GET", "/v1/agents").status_code == 200
        idle = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
        assert stack.sql(idle)[0][0] < 5
    finally:
        for sender in senders:
            sender.close()


def test_a_body_that_ends_early_is_not_taken_for_a_whole_one(api: Client) -> None:
    body = b'{"name": "Half"}'
    head = (
        f"POST /v1/agents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.key}\r\nContent-Type: application/json\r\n"
    )
    with socket.create_connection(api.base_url.removeprefix("http://").split(":"), timeout=60) as connection:
        connection.sendall(f"{head}Content-Length: {len(body) + 20}\r\n\r\n".encode() + body)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    assert "Half" not in api("GET", "/v1/agents").text
    headers = {"Content-Type": "multipart/form-data"}  # without a boundary
    answer = api("POST", f"/v1/agents/{api.agent_id}/knowledge", data=b"x" * 1000, headers=headers)
    assert answer.status_code == 400


def test_a_wrong_text_is_told_in_words(api: Client) -> None:
    def told(key: str | None, path: str, **body: object) -> dict[str, str]:
        answer = api("POST", path, json=body, **({"key": key} if key else {}))
        assert answer.status_code == 422
        return {error["field"]: error["message"] for error in answer.json()["errors"]}

    message = told(
        None, f"/v1/agents/{api.agent_id}/messages", channelType="TELEGRAM", customerId="x" * 256, content="x" * 100_001
    )
    assert message == {
        "customerId": "must have at most 255 characters",
        "content": "must have at most 100,000 characters",
    }
    workspace = told(
        OPERATOR_KEY, "/v1/workspaces", name="", notifyEmail="Ops <a@b.example>", monthlyGrant=1, lowThreshold=1
    )
    assert workspace == {"name": "must not be empty", "notifyEmail": "must be one e-mail address, without a name"}
