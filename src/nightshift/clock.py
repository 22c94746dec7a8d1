"""The one clock. Tests that live through a month replace `now` here; nothing else asks the machine for the time."""

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, in UTC, with its zone."""
    return datetime.now(UTC)
