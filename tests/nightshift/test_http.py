"""Whatever a server does, a request ends in time, with a response or one of two kinds of error."""

import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

import pytest
from rude_server import RudeServer

from nightshift import address, http
from nightshift.errors import PermanentError, TemporaryError
from nightshift.response import Response, check_status, retry_after_seconds
from nightshift.settings import settings

HANGS_SECONDS = 20  # far above any deadline here
LIMITS: dict[str, Any] = {"max_bytes": 1_000_000, "deadline_seconds": 10}
HASTE: dict[str, Any] = {"max_bytes": 1_000_000, "deadline_seconds": 0.5}


@pytest.fixture(scope="module")
def server() -> Iterator[RudeServer]:
    running = RudeServer()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def loopback_is_exempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "settings", lambda: replace(settings(), outbound_allow_hosts=("127.0.0.1",)))


@pytest.fixture(autouse=True)
def nothing_hangs() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < HANGS_SECONDS


def test_a_page_is_decompressed_and_its_header_names_are_in_lower_case(server: RudeServer) -> None:
    answer = http.get(f"{server.url}/page/#part", {"Accept": "text/html"}, **LIMITS)
    assert (answer.status, answer.url, answer.body) == (200, f"{server.url}/page/", b"hello")
    assert answer.headers["etag"] == 'W/"1"'
    head = server.heads[-1].lower()
    assert f"host: 127.0.0.1:{server.port}\r\n" in head
    assert "accept: text/html\r\n" in head
    assert "cookie" not in head
    assert "x-forwarded-for" not in head


def test_a_chunked_page_is_read(server: RudeServer) -> None:
    assert http.get(f"{server.url}/chunked/", **LIMITS).body == b"hello"


def test_an_unchanged_page_is_304(server: RudeServer) -> None:
    known = {"If-None-Match": 'W/"1"', "If-Modified-Since": "Tue, 29 Feb 2028 12:00:00 GMT"}
    answer = http.get(f"{server.url}/unchanged/", known, **LIMITS)
    check_status(answer)
    assert (answer.status, answer.body) == (304, b"")
    assert 'If-None-Match: W/"1"\r\nIf-Modified-Since: Tue, 29 Feb 2028 12:00:00 GMT\r\n' in server.heads[-1]


def test_a_post_sends_exactly_these_bytes(server: RudeServer) -> None:
    body = b'{"a": "\xc3\xa9"}' + b" " * 100_000
    answer = http.post(f"{server.url}/page/", body, {"webhook-id": "m1", "Content-Type": "application/json"}, **LIMITS)
    assert (answer.status, server.bodies[-1]) == (200, body)
    assert "webhook-id: m1\r\n" in server.heads[-1]


def test_five_redirects_are_followed_and_the_sixth_is_not(server: RudeServer) -> None:
    assert http.get(f"{server.url}/hops/5", **LIMITS).url == f"{server.url}/hops/0"
    with pytest.raises(PermanentError, match="more than 5 times"):
        http.get(f"{server.url}/hops/6", **LIMITS)
    seen = len(server.heads)
    with pytest.raises(PermanentError, match="more than 5 times"):
        http.get(f"{server.url}/loop/", **LIMITS)
    assert len(server.heads) == seen + 6


def test_a_redirect_may_be_relative_and_in_any_alphabet(server: RudeServer) -> None:
    answer = http.get(f"{server.url}/to/{quote('../page/ü?q=ä', safe='')}", **LIMITS)
    assert answer.url == f"{server.url}/page/%C3%BC?q=%C3%A4"


def test_a_post_follows_no_redirect(server: RudeServer) -> None:
    seen = len(server.heads)
    answer = http.post(f"{server.url}/to/%2Fpage%2F", b"{}", {}, **LIMITS)
    assert (answer.status, len(server.heads)) == (302, seen + 1)
    with pytest.raises(PermanentError, match="302"):
        check_status(answer)


@pytest.mark.parametrize("path", ["silent", "headerdrip", "continues", "bodydrip", "chunkdrip"])
def test_a_server_that_drips_is_left_at_the_deadline(path: str, server: RudeServer) -> None:
    with pytest.raises(TemporaryError, match="too long"):
        http.get(f"{server.url}/{path}/", **HASTE)


def test_a_tls_handshake_that_drips_is_left_at_the_deadline(server: RudeServer) -> None:
    with pytest.raises(TemporaryError, match="too long"):
        http.get(f"https://127.0.0.1:{server.port}/", **HASTE)


def test_a_server_that_reads_slowly_is_left_at_the_deadline(server: RudeServer) -> None:
    with pytest.raises(TemporaryError):
        http.post(f"{server.url}/deaf/", bytes(40_000_000), {}, **HASTE)


def test_all_hops_share_one_deadline(server: RudeServer) -> None:
    with pytest.raises(TemporaryError, match="too long"):
        http.get(f"{server.url}/to/%2Fto%2F%252Fheaderdrip%252F", **HASTE)


def test_the_body_of_a_redirect_is_not_waited_for(server: RudeServer) -> None:
    assert http.get(f"{server.url}/redirectdrip/", **LIMITS).body == b"hello"


@pytest.mark.parametrize("path", ["endless/", "bomb/gzip", "bomb/deflate", "bomb/x-gzip"])
def test_an_endless_body_is_read_up_to_the_maximum(path: str, server: RudeServer) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(PermanentError, match="larger than"):
            http.get(f"{server.url}/{path}", **LIMITS)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000  # the server's own ten included
    finally:
        tracemalloc.stop()


def test_a_body_of_exactly_the_maximum_size_is_accepted(server: RudeServer) -> None:
    assert http.get(f"{server.url}/page/", max_bytes=5, deadline_seconds=10).body == b"hello"
    with pytest.raises(PermanentError, match="larger than"):
        http.get(f"{server.url}/page/", max_bytes=4, deadline_seconds=10)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip,%20gzip", "rot13"])
def test_an_unsupported_compression_is_refused(encoding: str, server: RudeServer) -> None:
    with pytest.raises(PermanentError, match="compresses its response"):
        http.get(f"{server.url}/status/200/Content-Encoding:%20{encoding}", **LIMITS)


@pytest.mark.parametrize("path", ["cut", "nothing", "nonsense"])
def test_an_interrupted_response_is_a_temporary_error(path: str, server: RudeServer) -> None:
    with pytest.raises(TemporaryError, match="was interrupted"):
        http.get(f"{server.url}/{path}/", **LIMITS)


def test_an_unreachable_server_is_a_temporary_error() -> None:
    with pytest.raises(TemporaryError, match="could not be reached"):
        http.get("http://127.0.0.1:1/", **LIMITS)


@pytest.mark.parametrize("path", ["cut/503", "bodydrip/503"])
def test_an_error_status_counts_even_if_its_body_fails(path: str, server: RudeServer) -> None:
    answer = http.get(f"{server.url}/{path}", max_bytes=1000, deadline_seconds=2)
    assert (answer.status, answer.body[:5]) == (503, b"start")
    assert http.get(f"{server.url}/status/404", max_bytes=1, deadline_seconds=10).body == b"n"


@pytest.mark.parametrize("path", ["cut/200", "bodydrip/200", "endless/"])
def test_a_post_was_delivered_even_if_the_body_of_the_response_fails(path: str, server: RudeServer) -> None:
    answer = http.post(f"{server.url}/{path}", b"{}", {}, max_bytes=100, deadline_seconds=1)
    assert (answer.status, len(answer.body) <= 100) == (200, True)


@pytest.mark.parametrize("door", [http.post, http.post_trusted])
def test_a_body_that_drips_after_its_status_is_not_waited_for(
    door: Any, server: RudeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0.2)
    answer = door(f"{server.url}/bodydrip/200", b"{}", {}, max_bytes=1000, deadline_seconds=60)
    assert (answer.status, answer.complete) == (200, False)


def test_interim_responses_are_read_past(server: RudeServer) -> None:
    url = f"{server.url}/interim/"
    assert http.get(url, **LIMITS).body == b"hello"
    for door in (http.post, http.post_trusted):
        answer = door(url, b"{}", {}, **LIMITS)
        assert (answer.status, answer.body, "link" in answer.headers) == (200, b"hello", False)


@pytest.mark.parametrize("door", [http.post, http.post_trusted])
def test_answer_lost_says_whether_a_post_may_have_arrived(door: Any, server: RudeServer) -> None:
    for url, lost in ((f"{server.url}/nothing/", True), ("http://127.0.0.1:1/", False)):
        with pytest.raises(TemporaryError) as error:
            door(url, b"{}", {}, **LIMITS)
        assert error.value.answer_lost is lost


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(200, None), (204, None), (304, None)]
    + [(status, PermanentError) for status in (300, 302, 400, 401, 403, 404, 405, 410, 418, 451)]
    + [(status, TemporaryError) for status in (408, 425, 429, 500, 502, 503, 504, 599)],
)
def test_a_status_is_classified(status: int, meaning: type[Exception] | None) -> None:
    answer = Response(status, "http://example.com/", {"retry-after": "7"}, b"")
    if meaning is None:
        return check_status(answer)
    with pytest.raises(meaning, match=f"HTTP {status}") as raised:
        check_status(answer)
    assert getattr(raised.value, "retry_after_seconds", None) == (7 if meaning is TemporaryError else None)
    return None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e99"}, 86_400),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86_400),
        ({"retry-after": "Tue, 29 Feb 2000 12:00:00 GMT"}, 0),
    ],
)
def test_a_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers) == seconds


def test_a_retry_after_may_be_a_date(server: RudeServer) -> None:
    date = quote(format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True))
    answer = http.get(f"{server.url}/status/429/Retry-After:%20{date}", **LIMITS)
    assert retry_after_seconds(answer.headers) == pytest.approx(3600, abs=HANGS_SECONDS)
