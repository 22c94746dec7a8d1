"""Ids that sort by the time they were made, so that a list in id order is a list in time order."""

from __future__ import annotations

import secrets

from nightshift import clock


def new_id(prefix: str) -> str:
    """`<prefix>_` and 28 hex digits: 12 of the millisecond, 16 random. Letters, digits and `_` only, as RQ asks of ids."""
    return f"{prefix}_{int(clock.now().timestamp() * 1000):012x}{secrets.token_hex(8)}"
