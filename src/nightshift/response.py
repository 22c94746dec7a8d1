"""An HTTP answer, and what its status and its Retry-After mean for us."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from nightshift import clock
from nightshift.errors import PermanentError, TemporaryError

BUSY = {408, 425, 429}
LONGEST_WAIT_SECONDS = 86_400.0  # whatever is asked for beyond a day counts as a day


@dataclass(frozen=True)
class Response:
    """`url` is where it came from in the end; names in `headers` are in lower case; `body` is decompressed."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes


def check_status(answer: Response) -> None:
    """Returns for 2xx and 304. Raises TemporaryError for 408, 425, 429 and 5xx, PermanentError for the rest."""
    status = answer.status
    if 200 <= status < 300 or status == 304:
        return
    if status in BUSY or status >= 500:
        trouble = "is busy" if status in BUSY else "is having trouble"
        raise TemporaryError(
            f"The server at this address {trouble} (HTTP {status}).", retry_after_seconds(answer.headers)
        )
    if status in (404, 410):
        raise PermanentError(f"There is nothing at this address (HTTP {status}).")
    if status in (401, 402, 403, 407):
        raise PermanentError(f"The server at this address does not let us in (HTTP {status}).")
    raise PermanentError(f"The server at this address refused the request (HTTP {status}).")


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The wait a server asks for, a day at most: `retry-after-ms`, then `retry-after` in seconds or as a date; None without."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        try:
            seconds = float(value) * unit
        except ValueError:
            continue
        if seconds >= 0:
            return min(seconds, LONGEST_WAIT_SECONDS)
    try:
        seconds = (parsedate_to_datetime(headers.get("retry-after", "")) - clock.now()).total_seconds()
        return min(max(0.0, seconds), LONGEST_WAIT_SECONDS)
    except (ValueError, TypeError, OverflowError):
        return None
