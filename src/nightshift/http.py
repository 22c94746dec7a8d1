"""HTTP requests to other servers, bounded in time, size and redirects: requests bounds none of these.

`get` and `post` are for addresses that users name, and refuse private networks. `post_trusted` is for addresses that the
operator configured. The tests hold a server that breaks each rule.
"""

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from urllib.parse import urljoin, urlsplit

import certifi
import requests
from urllib3.util import Url, parse_url
from urllib3.util.ssl_ import create_urllib3_context

from nightshift import transport
from nightshift.address import check_form, guarded_session, is_exempt
from nightshift.deadline import Deadline, TimedHTTPConnection, TimedHTTPSConnection, apply_deadline
from nightshift.errors import PermanentError
from nightshift.response import Response

MAX_REDIRECTS = 5
BODY_SECONDS = 5.0  # for the body of a POST's response, whose status says enough


def get(
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    max_bytes: int,
    deadline_seconds: float,
    redirect_in: Callable[[Response], str | None] = lambda _: None,
) -> Response:
    """GET `url`, following at most five redirects, each checked like the first address. For any status: see check_status.

    `redirect_in` finds the address that the body of a response redirects to.
    `max_bytes` bounds the decompressed body, `deadline_seconds` the whole exchange. A body that is too large is an
    error, except that the body of an error response (400 and above) is truncated.
    Raises PermanentError (the address, its redirects or its size), TemporaryError (the network, the time).
    """
    ends = time.monotonic() + deadline_seconds
    for _ in range(1 + MAX_REDIRECTS):
        response = _exchange("GET", url, None, headers or {}, max_bytes, ends)
        location = _location(response) if response.status in transport.REDIRECTS else redirect_in(response)
        if not location:
            return response
        url = _resolve(response.url, location)
        if response.ok and url == response.url:  # a page that reloads itself
            return response
    raise PermanentError(f"This address redirects more than {MAX_REDIRECTS} times.")


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, max_bytes: int, deadline_seconds: float, method: str = "POST"
) -> Response:
    """POST exactly these bytes, without following a redirect. For any status: see response.check_status.

    Once the status has arrived, a body that is too long, takes over 5 s or is interrupted is truncated, not an error.
    Otherwise raises as `get` does; `answer_lost` of a TemporaryError says whether the server may have got the request.
    """
    return _exchange(method, url, body, headers, max_bytes, time.monotonic() + deadline_seconds)


def post_trusted(
    url: str, body: bytes, headers: Mapping[str, str], *, max_bytes: int, deadline_seconds: float, method: str = "POST"
) -> Response:
    """Like `post`, for an address that the operator configured: it may be private, and the connection is kept open.

    Uses urllib3's connection without requests, which costs more CPU than the rest of the call.
    """
    deadline = _kept.deadline
    deadline.restart(time.monotonic() + deadline_seconds)
    with transport.errors_translated(deadline):
        target = parse_url(url)
        connection = _kept_connection(target)
        complete = False
        try:
            connection.request(
                method, target.request_uri, body or None, {**transport.HEADERS, **headers}, preload_content=False
            )
            raw = connection.getresponse()
            deadline.at_most(BODY_SECONDS)
            response = transport.read(raw, url, max_bytes, whole=False)
            complete = response.complete
            return response
        finally:
            if not complete:
                connection.close()  # the rest of this response would be read as the next one


class _Kept(threading.local):
    """The connections of `post_trusted`: one for each thread, scheme, host and port."""

    def __init__(self) -> None:
        self.deadline = Deadline()
        self.connections: dict[tuple[str | None, str | None, int | None], TimedHTTPConnection] = {}


_kept = _Kept()


def _kept_connection(target: Url) -> TimedHTTPConnection:
    """The thread's connection to this server, closed first where the server has closed its side."""
    key = (target.scheme, target.host, target.port)
    connection = _kept.connections.get(key)
    if connection is None:
        host = (target.host or "").strip("[]")
        if target.scheme == "https":
            connection = TimedHTTPSConnection(host, target.port, ssl_context=_tls_context())
        else:
            connection = TimedHTTPConnection(host, target.port)
        connection.deadline = _kept.deadline
        _kept.connections[key] = connection
    if not connection.is_connected:
        connection.close()
    return connection


@cache
def _tls_context() -> ssl.SSLContext:
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(certifi.where())
    return context


def _exchange(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], max_bytes: int, ends: float
) -> Response:
    """One request and its response on a new connection, without our cookies, credentials or proxies."""
    try:
        url = check_form(url)
    except ValueError as reason:
        raise PermanentError(str(reason)) from None
    session = requests.Session() if is_exempt(urlsplit(url).hostname or "") else guarded_session()
    session.trust_env = False  # a proxy would bypass the guard, a .netrc would replace a token
    session.resolve_redirects = lambda *_a, **_k: iter(())  # type: ignore[method-assign] # it reads a redirect's whole body
    session.headers.update(transport.HEADERS)
    deadline = Deadline(ends)
    apply_deadline(session, deadline)
    with (
        transport.errors_translated(deadline),
        session,
        session.request(
            method, url, data=body, headers=headers, stream=True, allow_redirects=False, timeout=deadline.seconds_left()
        ) as response,
    ):
        if method == "POST":
            deadline.at_most(BODY_SECONDS)
        return transport.read(response.raw, url, max_bytes, whole=method == "GET" and response.status_code < 400)


def _location(response: Response) -> str | None:
    """The Location header: http.client decodes headers as Latin-1, servers send UTF-8."""
    location = response.headers.get("location")
    return location and location.encode("latin-1").decode("utf-8", "replace")


def _resolve(url: str, location: str) -> str:
    """The URL that a redirect points to."""
    try:
        return urljoin(url, location)
    except ValueError:
        raise PermanentError("This address redirects to something that is not a web address.") from None
