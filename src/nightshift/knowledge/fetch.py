"""What is at an address a customer named, as if it had been uploaded."""

import io
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from nightshift import http
from nightshift.errors import PermanentError
from nightshift.knowledge import sniff
from nightshift.response import check_status

MOST_BYTES = 50 << 20  # as for an upload
DEADLINE_SECONDS = 60
ACCEPT = "text/html, application/xhtml+xml, application/pdf;q=0.9, text/*;q=0.9, */*;q=0.5"


@dataclass(frozen=True)
class Fetched:
    """A kind the readers know, the bytes, and what to show the server the next time."""

    kind: str
    body: bytes
    etag: str | None
    last_modified: str | None


def fetch(url: str, etag: str | None, last_modified: str | None) -> Fetched | None:
    """What is there now; None where the server says that it is what `etag` or `last_modified` stood for.

    Raises PermanentError and TemporaryError, with a sentence for the customer.
    """
    answer = http.get(
        url,
        max_bytes=MOST_BYTES,
        deadline_seconds=DEADLINE_SECONDS,
        etag=etag,
        last_modified=last_modified,
        accept=ACCEPT,
    )
    check_status(answer)
    if answer.status == 304:
        return None
    name = unquote(urlsplit(answer.url).path.rpartition("/")[2])
    kind = sniff.kind_of(io.BytesIO(answer.body), name)
    if kind is None:
        raise PermanentError("What is at this address is neither a web page nor a document that we can read.")
    page = "webpage" if kind == "html" else kind
    return Fetched(page, answer.body, answer.headers.get("etag"), answer.headers.get("last-modified"))
