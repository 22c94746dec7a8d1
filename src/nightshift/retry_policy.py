"""What a failure means: again, when, or never."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nightshift.db.session import is_unavailable
from nightshift.errors import NightshiftError, PermanentError, TemporaryError

MAX_WAIT_SECONDS = 1800.0  # what a vendor may ask for in total before it counts as a failure
UNAVAILABLE_SECONDS = 10.0  # while Postgres is full or read-only, so often
TOO_LONG = "The provider asked us to wait more than 30 minutes in total."
TOO_LATE = "The time for retries is over."
UNEXPECTED = "Something went wrong on our side."


@dataclass(frozen=True)
class Failure:
    """What a failed run means: tried again `retry_in` seconds after `at` (monotonic), or, where that is None, FAILED."""

    sentence: str
    retry_in: float | None
    failures: int
    waited_seconds: float
    error: BaseException | None = None
    at: float = field(default_factory=time.monotonic)

    def seconds_left(self) -> float | None:
        """Until the next run, however long it took to write this down."""
        return None if self.retry_in is None else max(0.0, self.retry_in - (time.monotonic() - self.at))


def retry_policy(
    error: BaseException,
    failures: int,
    waited_seconds: float,
    intervals: Sequence[int],
    give_up_in: float | None = None,
) -> Failure:
    """Decide what `error` means for a row that failed `failures` times before and waited `waited_seconds` in total.

    A permanent error ends it. A wait that the provider asked for is obeyed and costs no attempt, up to 30 minutes in
    total; nor does a Postgres that is full or read-only for so long. Anything else counts: n intervals (seconds) are n
    retries. None of them starts more than `give_up_in` seconds from now.
    """
    failure = _decide(error, failures, waited_seconds, intervals)
    if give_up_in is not None and failure.retry_in is not None and failure.retry_in > give_up_in:
        return replace(failure, sentence=f"{failure.sentence} {TOO_LATE}", retry_in=None, failures=failures + 1)
    return failure


def _decide(error: BaseException, failures: int, waited_seconds: float, intervals: Sequence[int]) -> Failure:
    sentence = str(error) if isinstance(error, NightshiftError) else UNEXPECTED
    at = error.at if isinstance(error, TemporaryError) else time.monotonic()
    asked = error.retry_after_seconds if isinstance(error, TemporaryError) else None
    if isinstance(error, PermanentError):
        return Failure(sentence, None, failures + 1, waited_seconds, error, at)
    if asked:
        if waited_seconds + asked > MAX_WAIT_SECONDS:
            return Failure(f"{sentence} {TOO_LONG}", None, failures + 1, waited_seconds, error, at)
        return Failure(sentence, wait_seconds(asked), failures, waited_seconds + max(asked, 1), error, at)
    if is_unavailable(error) and (waited := waited_seconds + UNAVAILABLE_SECONDS) <= MAX_WAIT_SECONDS:
        return Failure(sentence, UNAVAILABLE_SECONDS, failures, waited, error, at)
    if failures >= len(intervals):
        return Failure(sentence, None, failures + 1, waited_seconds, error, at)
    return Failure(sentence, intervals[failures], failures + 1, waited_seconds, error, at)


def wait_seconds(asked: float) -> int:
    """How long we stay away when asked to for so long: never less, at most 2 s more."""
    return math.ceil(asked) + 1
