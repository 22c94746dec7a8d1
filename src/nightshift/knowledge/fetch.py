"""Fetches the document at an address that a customer named."""

import io
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from nightshift import http
from nightshift.errors import PermanentError
from nightshift.knowledge import sniff
from nightshift.response import check_status

MAX_BYTES = 50 << 20  # as for an upload
DEADLINE_SECONDS = 60
ACCEPT = "text/html, application/xhtml+xml, application/pdf;q=0.9, text/*;q=0.9, */*;q=0.5"


@dataclass(frozen=True)
class Fetched:
    """A kind that a reader supports, the bytes, and the validators for the next request."""

    kind: str
    body: bytes
    etag: str | None
    last_modified: str | None


def fetch(url: str, etag: str | None, last_modified: str | None) -> Fetched | None:
    """The document at `url`; None where the server says it has not changed since `etag` or `last_modified`.

    Raises PermanentError and TemporaryError, with a sentence for the customer.
    """
    response = http.get(
        url,
        max_bytes=MAX_BYTES,
        deadline_seconds=DEADLINE_SECONDS,
        etag=etag,
        last_modified=last_modified,
        accept=ACCEPT,
    )
    check_status(response)
    if response.status == 304:
        return None
    name = unquote(urlsplit(response.url).path.rpartition("/")[2])
    kind = sniff.kind_of(io.BytesIO(response.body), name)
    if kind is None:
        raise PermanentError("The content at this address is neither a web page nor a supported document.")
    page = "webpage" if kind == "html" else kind
    return Fetched(page, response.body, response.headers.get("etag"), response.headers.get("last-modified"))
