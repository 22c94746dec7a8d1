"""Fetches the document at an address that a customer named."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from urllib.parse import unquote, urlsplit

from nightshift import http
from nightshift.errors import PermanentError
from nightshift.knowledge import sniff
from nightshift.knowledge.charset import as_declared
from nightshift.knowledge.refresh import refresh_in
from nightshift.knowledge.text import is_text
from nightshift.response import check_status

MAX_BYTES = 50 << 20  # as for an upload
DEADLINE_SECONDS = 60
ACCEPT = "text/html, application/xhtml+xml, application/pdf;q=0.9, text/*;q=0.9, */*;q=0.5"

# What a server says a text is, as the ending of a file's name: `sniff` believes it where the bytes allow it.
_ENDINGS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "message/rfc822": ".eml",
    "multipart/related": ".mht",
}


@dataclass(frozen=True)
class Fetched:
    """A kind that a reader supports, the bytes, and the validators for the next request."""

    kind: str
    body: bytes
    etag: str | None
    last_modified: str | None


def fetch(url: str, etag: str | None, last_modified: str | None) -> Fetched | None:
    """The document at `url`; None where the server says it has not changed since `etag` or `last_modified`.

    Text in the charset that the server declares is converted to UTF-8. Raises PermanentError and TemporaryError, with a
    sentence for the customer.
    """
    asked = {"Accept": ACCEPT, "If-None-Match": etag, "If-Modified-Since": last_modified}
    headers = {name: value for name, value in asked.items() if value}
    limits = dict(max_bytes=MAX_BYTES, deadline_seconds=DEADLINE_SECONDS)
    response = http.get(url, headers, **limits, redirect_in=refresh_in)
    check_status(response)
    if response.status == 304:
        if etag or last_modified:
            return None
        raise PermanentError(
            "The server at this address says that nothing has changed, although nothing was known (HTTP 304)."
        )
    described = _described(response.headers)
    body = as_declared(response.body, described.get_content_charset()) if is_text(response.body) else response.body
    kind = sniff.kind_of(io.BytesIO(body), _name(response.url, described))
    if kind is None:
        raise PermanentError("The content at this address is neither a web page nor a supported document.")
    page = "webpage" if kind == "html" else kind
    return Fetched(page, body, response.headers.get("etag"), response.headers.get("last-modified"))


def _described(headers: Mapping[str, str]) -> Message:
    described = Message()
    for name in ("content-type", "content-disposition"):
        described[name] = headers.get(name, "")
    return described


def _name(url: str, headers: Message) -> str:
    """The file's name: from the server's header, else from the address; with the ending of the declared type."""
    name = headers.get_filename() or unquote(urlsplit(url).path.rpartition("/")[2])
    return name + _ENDINGS.get(headers.get_content_type(), "")
