"""What a vendor says of messages after it accepted them, and the request in which it says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nightshift import clock
from nightshift.errors import NightshiftError


@dataclass(frozen=True)
class HookRequest:
    """A request to a hook. `urls`: the addresses that it may have been sent to; names in `headers` are in lower case."""

    urls: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Report:
    """One copy of a part got this far: accepted, delivered, read; or it failed, and what that means.

    `provider_id`: the vendor's id. `key`: the `report_key` of the part, where the vendor echoes it.
    """

    provider_id: str
    state: str
    at: datetime
    key: str = ""
    error: NightshiftError | None = None


@dataclass(frozen=True)
class Watermark:
    """All that went to this customer up to `until` got this far: delivered, read."""

    customer_id: str
    state: str
    until: datetime


def moment(value: Any, per_second: int = 1) -> datetime:
    """Unix time, as a number or a text; now, where it is neither or lies ahead."""
    try:
        return min(datetime.fromtimestamp(float(value) / per_second, UTC), clock.now())
    except (TypeError, ValueError, OverflowError, OSError):
        return clock.now()
