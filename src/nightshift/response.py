"""An HTTP response, and what its status and its Retry-After header mean."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from nightshift import clock
from nightshift.errors import NightshiftError, PermanentError, TemporaryError

BUSY = {408, 425, 429}
MAX_WAIT_SECONDS = 86_400.0

# What a status or an error code means: the class of the error, and the sentence for a person.
Meaning = tuple[type[PermanentError] | type[TemporaryError], str]
Codes = Mapping[int | str, Meaning]


@dataclass(frozen=True)
class Response:
    """`url` is the final address after redirects; names in `headers` are in lower case; `body` is decompressed."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json_object(self) -> dict[str, Any]:
        """The body's JSON object; empty where the body is anything else."""
        try:
            body = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return body if isinstance(body, dict) else {}


SERVER: Codes = {
    **{status: (PermanentError, f"There is nothing at this address (HTTP {status}).") for status in (404, 410)},
    **{
        status: (PermanentError, f"The server at this address denied access (HTTP {status}).")
        for status in (401, 402, 403, 407)
    },
}


def check_status(response: Response) -> None:
    """Return for 2xx and 304. Raises TemporaryError for 408, 425, 429 and 5xx, PermanentError for the rest."""
    if not response.ok and response.status != 304:
        meaning = classify(response.status, "The server at this address", "the request", SERVER)
        raise to_error(meaning, response.headers)


def classify(status: int, name: str, request: str, known: Codes, code: int | None = None) -> Meaning:
    """What an error status means: by the vendor's `known` statuses, else temporary for 408, 425, 429 and 5xx.

    `name` and `request` go into the sentence ("Slack refused this message"), and so does the vendor's `code`, where there
    is one.
    """
    if status in known:
        return known[status]
    which = f"HTTP {status}" if code is None else f"HTTP {status}, error {code}"
    if status in BUSY:
        return TemporaryError, f"{name} is busy ({which})."
    if status >= 500:
        return TemporaryError, f"{name} is having trouble ({which})."
    return PermanentError, f"{name} refused {request} ({which})."


def to_error(
    meaning: Meaning, headers: Mapping[str, str], wait: float | None = None, scope: str = "account"
) -> NightshiftError:
    """The error to raise. A temporary one carries the longer of `wait` (seconds) and the Retry-After header."""
    kind, sentence = meaning
    if issubclass(kind, PermanentError):
        return kind(sentence)
    waits = [seconds for seconds in (wait, retry_after_seconds(headers)) if seconds is not None]
    return kind(sentence, max(waits, default=None), scope=scope)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The wait that a server asks for, at most a day; None where it asks for none.

    Reads `retry-after-ms`, then `retry-after` in seconds or as a date.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        try:
            seconds = float(value) * unit
        except ValueError:
            continue
        if seconds >= 0:
            return min(seconds, MAX_WAIT_SECONDS)
    try:
        seconds = (parsedate_to_datetime(headers.get("retry-after", "")) - clock.now()).total_seconds()
        return min(max(0.0, seconds), MAX_WAIT_SECONDS)
    except (ValueError, TypeError, OverflowError):
        return None
