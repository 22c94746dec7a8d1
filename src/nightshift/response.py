"""An HTTP response, and what its status and its Retry-After header mean."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from nightshift import clock
from nightshift.errors import NightshiftError, PermanentError, TemporaryError

BUSY = {408, 425, 429}
WITHOUT_JSON = {401, 403, 404, 407, 410}  # as a page: of a proxy or a firewall between us and a vendor
MAX_WAIT_SECONDS = 86_400.0
LISTED = re.compile(r"(?:[A-Za-z]+, )?[^,]+")  # one value of a list; the comma behind a date's weekday belongs to it
CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")  # a vendor's error code that may be quoted

# What a status or an error code means: the class of the error, and the sentence for a person.
Meaning = tuple[type[PermanentError] | type[TemporaryError], str]
Codes = Mapping[int | str, Meaning]


@dataclass(frozen=True)
class Response:
    """`url` is the final address after redirects; names in `headers` are in lower case; `body` is decompressed.

    `complete`: whether the body was read to its end.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    complete: bool = True

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

    def vendor_json(self, name: str) -> dict[str, Any]:
        """The JSON object that a vendor answered. Raises TemporaryError for what something between us and the vendor said
        instead: a whole 2xx without JSON, which leaves the outcome unknown, or the page of an error that denies access."""
        body = self.json_object()
        if not body and self.complete and self.body.strip() not in (b"", b"{}"):
            if self.ok:
                raise unreadable(name)
            if self.status in WITHOUT_JSON:
                sentence = (
                    f"{name} could not be reached: a proxy or a firewall refused the request (HTTP {self.status})."
                )
                raise to_error((TemporaryError, sentence), self.headers)
        return body


def unreadable(name: str) -> TemporaryError:
    """The request may have taken effect: the outcome is unknown."""
    unknown = TemporaryError(f"{name} sent a response that could not be read.")
    unknown.answer_lost = True
    return unknown


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


def classify(status: int, name: str, request: str, known: Codes, code: object = None) -> Meaning:
    """What an error status means: by the vendor's `known` statuses, else temporary for 408, 425, 429 and 5xx.

    `name` and `request` go into the sentence ("Slack refused this message"), and so does the vendor's `code`, where there
    is one.
    """
    if status in known:
        return known[status]
    said = [f"HTTP {status}"] if status >= 400 else []  # Slack reports errors with 200
    if CODE.fullmatch(str(code)) and code not in (None, status):
        said.append(f"error {code}")
    which = ", ".join(said) or f"HTTP {status}"
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

    Reads `retry-after-ms`, then `retry-after`, then `x-ratelimit-reset-after`: seconds or a date, the longest where proxies
    made a list of it. A date counts from the server's own.
    """
    now = _date(headers.get("date", "")) or clock.now()
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0), ("x-ratelimit-reset-after", 1.0)):
        said = LISTED.findall(headers.get(name, ""))
        waits = [seconds for part in said if (seconds := _seconds(part.strip(), unit, now)) is not None]
        if waits:
            return min(max(waits), MAX_WAIT_SECONDS)
    return None


def _seconds(value: str, unit: float, now: datetime) -> float | None:
    """Of "90", "90.5" and "90s"; of a date: from `now` on, at least 0."""
    with suppress(ValueError):
        seconds = float(value.removesuffix("s")) * unit
        return seconds if seconds >= 0 else None
    date = _date(value)
    return max(0.0, (date - now).total_seconds()) if date else None


def _date(value: str) -> datetime | None:
    """Of the three forms of a date in HTTP, and of ISO 8601."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, OverflowError):
            date = parse(value)
            return date if date.tzinfo else date.replace(tzinfo=UTC)
    return None
