"""What is too large, too deep, too many or not text at all is refused in one sentence: never a 500."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from client import Client
from recorder import Recorder
from routes import ROUTES, ask, body, params, path, query, things
from stack import Stack

PROBLEM = "application/problem+json"
JSON = {"Content-Type": "application/json"}
ODD_VALUES = {
    "NUL": r'"a\u0000b"', "a lone surrogate": r'"\ud800"', "a surrogate pair turned round": r'"\udc00\ud800"',
    "a number beyond a float": "1e400", "a number of 4,000 digits": "9" * 4000, "of 5,000": "9" * 5000,
    "below zero": "-1", "NaN": "NaN", "Infinity": "-Infinity", "half": "0.5", "nothing": "null", "yes": "true",
    "a list": "[[[[1]]]]", "deep": "[" * 900 + "]" * 900, "too deep": "[" * 100_000 + "]" * 100_000,
    "an object": '{"__proto__": {"a": 1}}', "empty": '""', "blank": '"  \\n "', "long": f'"{"x" * 300_000}"',
    "right to left": '"\\u202e\\u0000\\ufffe\\uffff"', "SQL": '"\'; DROP TABLE work; --"', "a template": '"{{7*7}} %s {0}"',
}  # fmt: skip
ODD_TEXTS = [
    "%00",
    "%ff",
    "%ed%a0%80",
    "%F0%9F%98%80",
    "a%00b",
    "%0d%0aX-Injected:%201",
    "-1",
    "9" * 400,
    "1e400",
    "%25s",
]
ODD_HEADERS = [
    b"\xff\xfe",
    b"\xc3\xa9",
    b"x" * 256,
    b"x" * 8000,
    b"a\tb",
    b"0",
    b"-1",
    b"9" * 30,
    b"\xb2",
    b"%00",
    b"'; --",
]


@pytest.fixture
def ids(api: Client, stack: Stack, vendors: Recorder) -> dict[str, str]:
    return things(api, stack, vendors)


def well(answer: requests.Response, *what: Any) -> None:
    """Done, or refused in words; nothing in between."""
    assert answer.status_code < 500, what
    assert "X-Injected" not in answer.headers, what
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == PROBLEM and " " in answer.json()["detail"], (what, answer.text)


@pytest.mark.slow
def test_odd_values_in_every_field_of_every_body(api: Client, ids: dict[str, str]) -> None:
    tried = 0
    for route in ROUTES:
        for field in body(route) or {}:
            good = {name: json.dumps(value) for name, value in (body(route) or {}).items()}
            for what, odd in ODD_VALUES.items():
                text = "{" + ", ".join(f'"{name}": {odd if name == field else v}' for name, v in good.items()) + "}"
                well(ask(api, route, ids, json=None, data=text.encode(), headers=JSON), route.path, field, what)
                tried += 1
    assert tried > 200


def test_bodies_that_are_not_json_at_all(api: Client, ids: dict[str, str]) -> None:
    for route in ROUTES:
        if route.body is not None:
            for raw in (
                b"",
                b"{",
                b"\xff\xfe{}",
                b'{"a": "\xed\xa0\x80"}',
                b"[1]",
                b'"x"',
                b"null",
                b"{}" * 9,
                b'{"\\ud800": 1}',
            ):
                answer = ask(api, route, ids, json=None, data=raw, headers=JSON)
                well(answer, route.path, raw)
                assert answer.status_code in (400, 422), (route.path, raw)
            for kind in (
                "text/plain",
                "application/xml",
                "application/json; charset=utf-99",
                "multipart/form-data",
                "x",
                "",
            ):
                well(ask(api, route, ids, json=None, data=b"{}", headers={"Content-Type": kind}), route.path, kind)


@pytest.mark.slow
def test_odd_texts_in_every_path_and_query(api: Client, ids: dict[str, str]) -> None:
    for route in ROUTES:
        for odd in ODD_TEXTS:
            for name in params(route):
                answer = ask(api, route, {**ids, name: odd})
                well(answer, route.path, name, odd)
                known = name == "customer_id" and answer.status_code == 200  # any text may be one
                assert known or answer.status_code in (404, 405), (route.path, name, odd)
            for name in query(route):
                well(api(route.method, f"{path(route, ids)}?{name}={odd}"), route.path, name, odd)


@pytest.mark.slow
def test_odd_headers_on_every_route(api: Client, ids: dict[str, str]) -> None:
    for route in ROUTES:
        if route.access not in ("public", "vendor"):
            for odd in ODD_HEADERS:
                if route.media_type == "application/json":
                    well(ask(api, route, ids, headers={"Idempotency-Key": odd}), route.path, odd)
                else:
                    refused = ask(api, route, ids, headers={"Last-Event-ID": odd})
                    assert refused.status_code == (200 if odd == b"0" else 422), odd
                    refused.close()


def test_a_body_of_more_than_10_mb_is_refused_with_or_without_its_length(api: Client) -> None:
    large = b'{"name": "' + b"x" * (10 << 20) + b'"}'
    answer = api("POST", "/v1/agents", data=large, headers=JSON)
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, PROBLEM)
    answer = api("POST", "/v1/agents", data=chunked(large), headers=JSON)
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, PROBLEM)
    just = b'{"name": "x"' + b" " * ((10 << 20) - 13) + b"}"
    assert api("POST", "/v1/agents", data=just + b"{", headers=JSON).status_code == 413
    assert api("POST", "/v1/agents", data=chunked(just + b"{"), headers=JSON).status_code == 413, "not cut, then read"
    assert api("POST", "/v1/agents", data=just, headers=JSON).status_code == 201
    assert api("POST", "/v1/agents", data=chunked(just), headers=JSON).status_code == 201


def chunked(data: bytes) -> Iterator[bytes]:
    """In pieces: requests then names no length."""
    return (data[start : start + 65536] for start in range(0, len(data), 65536))


def test_a_form_of_too_many_or_too_large_parts_is_413(api: Client) -> None:
    url = f"/v1/agents/{api.agent_id}/knowledge"
    many = [(f"f{n}", (None, b"x")) for n in range(1001)]
    assert api("POST", url, files=many).status_code == 413
    assert (
        api("POST", url, files=[("title", (None, b"x" * (2 << 20))), ("file", ("a.txt", b"A text."))]).status_code
        == 413
    )


def test_what_is_no_http_is_refused_by_the_server_in_the_same_form(api: Client) -> None:
    key = f"Authorization: Bearer {api.key}\r\n"
    chunked = f"POST /v1/agents HTTP/1.1\r\nHost: x\r\n{key}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    for status, text in {
        414: "GET /" + "x" * 9000 + " HTTP/1.1\r\nHost: x\r\n\r\n",
        431: "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + "x" * 9000 + "\r\n\r\n",
        4310: "GET /healthz HTTP/1.1\r\n" + "".join(f"X-{n}: 1\r\n" for n in range(200)) + "\r\n",
        400: "GET /healthz and more HTTP/1.1\r\n\r\n",
        4000: "GET /healthz HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n",
        4001: "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        4002: chunked + "zz\r\n{}\r\n0\r\n\r\n",
        4003: chunked + "2\r\n{}XX0\r\n\r\n",
    }.items():
        head, _, said = _raw(api.base_url, text).partition("\r\n\r\n")
        assert head.split(" ")[1] == str(status)[:3], text[:60]
        assert f"Content-Type: {PROBLEM}" in head and "X-Content-Type-Options: nosniff" in head, head
        assert json.loads(said)["status"] == int(str(status)[:3])


def test_a_sender_that_breaks_off_costs_no_500(api: Client, stack: Stack) -> None:
    before = len(stack.lines(event="request failed"))
    head = (
        f"POST /v1/agents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.key}\r\nContent-Type: application/json\r\n"
    )
    for rest in ("Content-Length: 1000\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"):
        _raw(api.base_url, head + rest)
    assert api("GET", "/v1/agents").status_code == 200
    assert len(stack.lines(event="request failed")) == before


def _raw(base_url: str, text: str) -> str:
    """The answer to these bytes, and to no more than them."""
    host, port = base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(text.encode())
        connection.shutdown(socket.SHUT_WR)
        said = b""
        while piece := connection.recv(65536):
            said += piece
    return said.decode()
