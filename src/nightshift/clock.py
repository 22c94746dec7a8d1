"""The clock: Postgres', so that a machine whose own is wrong loses and doubles nothing. Nothing else reads the machine's time,
so a test can travel in time by replacing `now` here. And how times are read and written.

Each process learns the time with a connection that it opens or has not used lately, and goes on by its monotonic clock.
"""

import time
from datetime import UTC, date, datetime
from datetime import time as time_of_day

STALE_SECONDS = 60.0

# The machine's, as long as Postgres was not asked
_known = {"offset": time.time() - time.monotonic(), "at": float("-inf")}


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.fromtimestamp(time.monotonic() + _known["offset"], UTC)


def today() -> date:
    """The day it is, in UTC."""
    return now().date()


def start_of(day: date) -> datetime:
    """The moment a day begins, in UTC."""
    return datetime.combine(day, time_of_day(), UTC)


def parse(written: str) -> datetime:
    """A day or a time in ISO 8601, aware: without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def rfc_3339(moment: datetime) -> str:
    """In UTC, to the millisecond: 2026-11-24T09:30:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_stale() -> bool:
    """Whether Postgres is to be asked again."""
    return time.monotonic() - _known["at"] > STALE_SECONDS


def learn(moment: datetime, asked_at: float) -> None:
    """`moment` is what Postgres' clock said when it was asked at `asked_at` (monotonic seconds), unless that took long.

    A slow answer is less exact than a quick one before it, and replaces it only where it contradicts it: the clocks of two
    processes stay close on a busy machine too.
    """
    took = time.monotonic() - asked_at
    if took < 1:
        offset = moment.timestamp() - asked_at - took / 2
        if abs(offset - _known["offset"]) > took:
            _known["offset"] = offset
        _known["at"] = asked_at
