"""What a failure means: again, when, or never."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightshift.errors import NightshiftError, PermanentError, TemporaryError

LONGEST_WAIT_SECONDS = 1800.0  # what a vendor may ask for in all before we call it a failure
TOO_LONG = "It asked us to wait longer than 30 minutes in all."
UNEXPECTED = "Something went wrong on our side."


@dataclass(frozen=True)
class Failure:
    """What a failed run means: tried again at `retry_at`, or, where that is None, at rest as failed."""

    sentence: str
    retry_at: datetime | None
    failures: int
    waited_seconds: float


def judge(
    error: BaseException,
    failures: int,
    waited_seconds: float,
    intervals: Sequence[int],
    now: datetime,
    give_up_at: datetime | None = None,
) -> Failure:
    """Decide what `error` means for work that failed `failures` times before and waited `waited_seconds` in all.

    A permanent error ends it. A wait that the other side asked for is obeyed and costs no attempt, up to 30 minutes in
    all. Anything else counts: n intervals (seconds) are n further runs. None of them begins after `give_up_at`.
    """
    failure = _judge(error, failures, waited_seconds, intervals, now)
    if give_up_at is not None and failure.retry_at is not None and failure.retry_at > give_up_at:
        too_late = f"{failure.sentence} The time for trying again is over."
        return Failure(too_late, None, failures + 1, failure.waited_seconds)
    return failure


def _judge(
    error: BaseException, failures: int, waited_seconds: float, intervals: Sequence[int], now: datetime
) -> Failure:
    sentence = str(error) if isinstance(error, NightshiftError) else UNEXPECTED
    asked = error.retry_after_seconds if isinstance(error, TemporaryError) else None
    if isinstance(error, PermanentError):
        return Failure(sentence, None, failures + 1, waited_seconds)
    if asked:
        wait = wait_seconds(asked)
        if waited_seconds + asked > LONGEST_WAIT_SECONDS:
            return Failure(f"{sentence} {TOO_LONG}", None, failures + 1, waited_seconds)
        return Failure(sentence, now + timedelta(seconds=wait), failures, waited_seconds + max(asked, 1))
    if failures >= len(intervals):
        return Failure(sentence, None, failures + 1, waited_seconds)
    return Failure(sentence, now + timedelta(seconds=intervals[failures]), failures + 1, waited_seconds)


def wait_seconds(asked: float) -> int:
    """How long we stay away when asked to for so long: RQ cuts due times to whole seconds, and it is never undercut."""
    return math.ceil(asked) + 1
