"""The clock. Nothing else reads the machine's time, so a test can travel in time by replacing `now` here."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)
