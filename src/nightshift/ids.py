"""Ids that sort by the time they were created."""

import re
import secrets
from datetime import UTC, datetime

from nightshift import clock

FORM = re.compile(r"[a-z]+_([0-9a-f]{12})[0-9a-f]{16}")


def new_id(prefix: str) -> str:
    """`<prefix>_` and 28 hex digits: 12 of the millisecond, 16 random. RQ allows only letters, digits, `_` and `-` in ids."""
    return f"{prefix}_{int(clock.now().timestamp() * 1000):012x}{secrets.token_hex(8)}"


def earliest_id(prefix: str, epoch_seconds: float) -> str:
    """What no id that is made at this moment or later sorts before."""
    return f"{prefix}_{max(0, int(epoch_seconds * 1000)):012x}"


def made_at(made_id: str) -> datetime | None:
    """When `new_id` created this id, to the millisecond, in UTC; None for an id of another form."""
    found = FORM.fullmatch(made_id)
    if found is None:
        return None
    try:
        return datetime.fromtimestamp(int(found[1], 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
