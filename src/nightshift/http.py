"""HTTP to others, with an end to time, size and redirects: requests bounds none of these.

`get` and `post` are the one door to whatever address a user names: no private network. `post_trusted` is for the addresses
an operator named. Each rule was measured against a server that breaks it; the tests hold those servers.
"""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from AntiSSRF import AntiSSRFError

from nightshift.address import check_form, guarded_session, is_exempt
from nightshift.deadline import Deadline, keep_to
from nightshift.errors import PermanentError, TemporaryError
from nightshift.response import Response

MAX_REDIRECTS = 5
REDIRECTS = {301, 302, 303, 307, 308}
ENCODINGS = {"", "identity", "gzip", "x-gzip", "deflate"}  # one of them: a chain is how bombs are nested
READ_BYTES = 65_536

_kept = threading.local()  # .session and .deadline of post_trusted, a thread each


def get(
    url: str,
    *,
    max_bytes: int,
    deadline_seconds: float,
    etag: str | None = None,
    last_modified: str | None = None,
    accept: str | None = None,
) -> Response:
    """What is at `url`, after at most five redirects, each through this same door. Any status: see response.check_status.

    `max_bytes` bounds the decompressed body, `deadline_seconds` everything together. A body that is too large is an
    error where it is what was asked for; under a status of 400 or more it is cut.
    Raises PermanentError (the address, its redirects or its size), TemporaryError (the network, the time).
    """
    ends = time.monotonic() + deadline_seconds
    asked = {"Accept": accept, "If-None-Match": etag, "If-Modified-Since": last_modified}
    headers = {name: value for name, value in asked.items() if value}
    for _ in range(1 + MAX_REDIRECTS):
        answer = _exchange("GET", url, None, headers, max_bytes, ends)
        target = answer.headers.get("location")
        if answer.status not in REDIRECTS or not target:
            return answer
        url = _joined(answer.url, target)
    raise PermanentError(f"This address redirects more than {MAX_REDIRECTS} times.")


def post(url: str, body: bytes, headers: Mapping[str, str], *, max_bytes: int, deadline_seconds: float) -> Response:
    """The answer to these very bytes; no redirect is followed. Any status: see response.check_status.

    The status is the answer: once it is there, a body that is too long, too slow or broken off is cut, not an error.
    Otherwise raises as `get` does; a TemporaryError says by `answer_lost` whether the other side may have got it.
    """
    return _exchange("POST", url, body, headers, max_bytes, time.monotonic() + deadline_seconds)


def post_trusted(
    url: str, body: bytes, headers: Mapping[str, str], *, max_bytes: int, deadline_seconds: float
) -> Response:
    """As `post`, for an address that an operator named: it may be private, and its connection is kept for the next call."""
    if not hasattr(_kept, "session"):
        _kept.deadline = Deadline()
        _kept.session = requests.Session()
        keep_to(_kept.session, _kept.deadline)
    deadline: Deadline = _kept.deadline
    deadline.ends, deadline.sent = time.monotonic() + deadline_seconds, False
    with _in_our_words(deadline):
        return _ask(_kept.session, "POST", url, body, headers, max_bytes, deadline)


def _exchange(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], max_bytes: int, ends: float
) -> Response:
    """One request and its answer, on a connection of its own: no cookie, no credential, no proxy of ours goes along."""
    try:
        url = check_form(url)
    except ValueError as reason:
        raise PermanentError(str(reason)) from None
    session = requests.Session() if is_exempt(urlsplit(url).hostname or "") else guarded_session()
    deadline = Deadline(ends)
    with _in_our_words(deadline), session:
        keep_to(session, deadline)
        return _ask(session, method, url, body, headers, max_bytes, deadline)


def _ask(
    session: requests.Session,
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    max_bytes: int,
    deadline: Deadline,
) -> Response:
    session.trust_env = (
        False  # a proxy variable would go round the guard, a .netrc would put itself in place of a token
    )
    session.resolve_redirects = lambda *_a, **_k: iter(())  # type: ignore[method-assign] # it reads a redirect's body whole
    session.headers["User-Agent"] = "Nightshift"
    session.cookies.clear()
    with session.request(
        method, url, data=body, headers=headers, stream=True, allow_redirects=False, timeout=deadline.seconds_left()
    ) as answer:
        found = {name.lower(): " ".join(value.split()) for name, value in answer.headers.items()}
        whole = method == "GET" and answer.status_code < 400
        content = b"" if answer.status_code in REDIRECTS else _body(answer.raw, found, max_bytes, whole)
        return Response(answer.status_code, url, found, content)


def _body(raw: Any, headers: Mapping[str, str], max_bytes: int, whole: bool) -> bytes:
    """At most `max_bytes`, decompressed as it comes. Where not `whole`, what came before it went wrong will do."""
    known = headers.get("content-encoding", "").lower() in ENCODINGS
    if whole and not known:
        raise PermanentError("The server at this address packs its answer in a way we cannot read.")
    body = bytearray()
    try:
        while len(body) <= max_bytes and (piece := raw.read1(READ_BYTES, decode_content=known)):
            body += piece
    except (OSError, urllib3.exceptions.HTTPError):
        if whole:
            raise
    if whole and len(body) > max_bytes:
        raise PermanentError(f"What is at this address is larger than {max_bytes / 1e6:g} MB.")
    return bytes(body[:max_bytes])


def _joined(url: str, target: str) -> str:
    """Where a Location leads; http.client reads its bytes as Latin-1, servers mean UTF-8."""
    try:
        return urljoin(url, target.encode("latin-1").decode("utf-8", "replace"))
    except ValueError:
        raise PermanentError("This address redirects to something that is not a web address.") from None


@contextmanager
def _in_our_words(deadline: Deadline) -> Iterator[None]:
    """What the libraries raise, as our two kinds, without its cause: every library's message repeats the address."""
    try:
        yield
    except (AntiSSRFError, OSError, urllib3.exceptions.HTTPError) as error:  # requests' own are OSErrors
        ours = _meaning(error)
        if isinstance(ours, TemporaryError):
            ours.answer_lost = deadline.sent
        raise ours from None


def _meaning(error: Exception) -> PermanentError | TemporaryError:
    if isinstance(error, AntiSSRFError):
        return PermanentError("This address leads into a private network, which is not allowed.")
    if isinstance(error, socket.gaierror):
        return TemporaryError("The name in this address could not be found.")
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return TemporaryError("The server at this address took too long to answer.")
    if isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
        return TemporaryError("The server at this address could not prove who it is (its certificate).")
    return TemporaryError("The server at this address could not be reached, or broke off its answer.")
