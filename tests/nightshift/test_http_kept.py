"""The connections that post_trusted keeps open, and when it replaces them."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import Any

import pytest
from rude_server import RudeServer

from nightshift import http, transport
from nightshift.errors import TemporaryError

LIMITS: dict[str, Any] = {"max_bytes": 1_000, "deadline_seconds": 5}


class PoliteServer(ThreadingHTTPServer):
    """Keeps connections open. `peers`: the client's address in each request; it closes the connection after /close."""

    daemon_threads = True

    def __init__(self) -> None:
        self.peers: list[Any] = []
        self.heads: list[Any] = []
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PoliteServer

    def do_POST(self) -> None:
        self.server.peers.append(self.client_address)
        self.server.heads.append(self.headers)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(302 if self.path == "/redirect" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Twice", "a")
        self.send_header("X-Twice", "b")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.path == "/close"

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[PoliteServer]:
    with PoliteServer() as running:
        yield running
        running.shutdown()


@pytest.fixture
def rude() -> Iterator[RudeServer]:
    running = RudeServer()
    yield running
    running.stop()


def post(url: str, body: bytes = b"hello", **limits: Any) -> bytes:
    return http.post_trusted(url, body, {"X-Key": "1"}, **{**LIMITS, **limits}).body


def test_a_thread_keeps_its_connection(server: PoliteServer) -> None:
    assert [post(f"{server.url}/a?b=c"), post(server.url)] == [b"hello", b"hello"]
    assert len(set(server.peers)) == 1
    other = threading.Thread(target=post, args=(server.url,))
    other.start()
    other.join()
    assert len(set(server.peers)) == 2


def test_only_our_headers_and_the_callers_are_sent(server: PoliteServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    answer = http.post_trusted(server.url, b"{}", {"Content-Type": "application/json", "User-Agent": "Bot"}, **LIMITS)
    post(server.url)
    assert answer.headers["x-twice"] == "a, b"
    assert {name.lower() for name in server.heads[0]} == {
        *("host", "user-agent", "accept-encoding", "accept", "content-type", "content-length")
    }
    assert [head["User-Agent"] for head in server.heads] == ["Bot", f"Nightshift/{version('nightshift')}"]


def test_a_connection_that_the_server_closed_is_noticed_before_it_is_used(server: PoliteServer) -> None:
    post(f"{server.url}/close")
    time.sleep(1)
    assert post(server.url) == b"hello"
    assert len(set(server.peers)) == 2


@pytest.mark.parametrize("path", ["", "/redirect"])
def test_a_connection_with_an_unread_body_is_closed(path: str, server: PoliteServer) -> None:
    assert len(post(f"{server.url}{path}", bytes(10_000))) == (0 if path else 1_000)
    assert post(server.url) == b"hello"
    assert len(set(server.peers)) == 2


@pytest.mark.parametrize("path", ["bodydrip/200", "chunkdrip", "cut/200"])
def test_the_rest_of_a_failed_response_is_not_read_as_the_next_one(path: str, rude: RudeServer) -> None:
    http.post_trusted(f"{rude.url}/{path}", b"{}", {}, max_bytes=100, deadline_seconds=1)
    assert post(f"{rude.url}/page/") == b"hello"


@pytest.mark.parametrize("path", ["headerdrip", "headerlong", "headersmany"])
def test_a_status_that_has_come_is_the_answer_whatever_follows_it(path: str, rude: RudeServer) -> None:
    answered = http.post_trusted(f"{rude.url}/{path}/", b"{}", {}, max_bytes=100, deadline_seconds=1)
    assert (answered.status, answered.body) == (200, b"")
    assert post(f"{rude.url}/page/") == b"hello"


@pytest.mark.parametrize("path", ["silent", "continues", "nothing", "nonsense"])
def test_after_a_lost_response_the_next_call_uses_a_new_connection(path: str, rude: RudeServer) -> None:
    started = time.monotonic()
    with pytest.raises(TemporaryError) as lost:
        post(f"{rude.url}/{path}/", deadline_seconds=1)
    assert (lost.value.answer_lost, lost.value.__suppress_context__) == (True, True)
    assert time.monotonic() - started < 20  # the deadline is 1 s: this bounds a hang
    assert post(f"{rude.url}/page/") == b"hello"


def test_an_exception_from_a_signal_handler_closes_the_connection(
    server: PoliteServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(server.url)

    class Stop(BaseException):
        pass

    def stop(*_: Any, **__: Any) -> None:
        raise Stop

    with monkeypatch.context() as patched, pytest.raises(Stop):
        patched.setattr(transport, "read", stop)
        post(server.url, b"first")
    assert post(server.url, b"second") == b"second"


def test_a_server_without_tls_is_not_reported_as_a_bad_certificate(server: PoliteServer) -> None:
    with pytest.raises(TemporaryError, match="could not be reached"):
        post(server.url.replace("http:", "https:"))
