"""The parts that all HTTP requests share: headers, bounded reading of responses, and the libraries' errors as ours."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException

import requests
import urllib3
from AntiSSRF import AntiSSRFError
from urllib3.util.ssl_match_hostname import CertificateError

from nightshift.deadline import Deadline
from nightshift.errors import PermanentError, TemporaryError
from nightshift.response import Response
from nightshift.version import VERSION

HEADERS = {
    "User-Agent": f"Nightshift/{VERSION}",  # the form name/1.2.3 is what Meta asks for
    "Accept-Encoding": "gzip, deflate",
    "Accept": "*/*",
}
REDIRECTS = {301, 302, 303, 307, 308}
ENCODINGS = {"", "identity", "gzip", "x-gzip", "deflate"}  # one of them: decompression bombs are nested in a chain
READ_BYTES = 65_536


def read(raw: urllib3.BaseHTTPResponse, url: str, max_bytes: int, whole: bool) -> Response:
    """The response. The body of a redirect is not read."""
    headers = {name.lower(): " ".join(value.split()) for name, value in raw.headers.itermerged()}
    body, complete = (b"", False) if raw.status in REDIRECTS else _read_body(raw, headers, max_bytes, whole)
    return Response(raw.status, url, headers, body, complete)


def _read_body(
    raw: urllib3.BaseHTTPResponse, headers: Mapping[str, str], max_bytes: int, whole: bool
) -> tuple[bytes, bool]:
    """At most `max_bytes`, decompressed while reading. Not `whole`: what was read before an error is enough."""
    supported = headers.get("content-encoding", "").lower() in ENCODINGS
    if whole and not supported:
        raise PermanentError("The server at this address compresses its response in a format we do not support.")
    body, piece = bytearray(), b"?"
    try:
        while len(body) <= max_bytes and (piece := raw.read1(READ_BYTES, decode_content=supported)):
            body += piece
    except (OSError, urllib3.exceptions.HTTPError):
        if whole:
            raise
    if whole and len(body) > max_bytes:
        raise PermanentError(f"The content at this address is larger than {max_bytes / 1e6:g} MB.")
    return bytes(body[:max_bytes]), not piece


@contextmanager
def errors_translated(deadline: Deadline) -> Iterator[None]:
    """Raise the libraries' errors as ours, without their cause: the messages of all these libraries repeat the URL."""
    try:
        yield
    except (AntiSSRFError, OSError, HTTPException, urllib3.exceptions.HTTPError) as error:  # requests' are OSErrors
        ours = _translate(error)
        if isinstance(ours, TemporaryError):
            ours.answer_lost = deadline.sent
        raise ours from None


def _translate(error: Exception) -> PermanentError | TemporaryError:
    if isinstance(error, AntiSSRFError):
        return PermanentError("This address leads to a private network, which is not allowed.")
    if isinstance(error, socket.gaierror):
        return TemporaryError("The host name in this address could not be found.")
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError) or _began_as(error, TimeoutError):
        return TemporaryError("The server at this address took too long to respond.")
    if _began_as(error, ssl.SSLCertVerificationError, CertificateError):
        return TemporaryError("This server's TLS certificate is invalid.")
    return TemporaryError("The server at this address could not be reached, or the connection was interrupted.")


def _began_as(error: BaseException | None, *kinds: type[BaseException]) -> bool:
    """Whether the error, or one that requests and urllib3 wrapped, is of one of these kinds."""
    while error is not None and not isinstance(error, kinds):
        error = error.__context__
    return error is not None
