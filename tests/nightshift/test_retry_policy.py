"""What an error means for a row that failed before: the truth table."""

import psycopg2
import pytest
from sqlalchemy.exc import OperationalError

from nightshift.errors import PermanentError, TemporaryError
from nightshift.retry_policy import TOO_LATE, UNEXPECTED, retry_policy

INTERVALS = [2, 8, 32]


class DiskFull(psycopg2.OperationalError):
    pgcode = "53100"


class BackendDied(psycopg2.OperationalError):
    pgcode = None


@pytest.mark.parametrize(
    ("error", "failures", "waited", "wait", "failures_after", "waited_after"),
    [
        # a plain failure waits for its interval, and is FAILED after the last one
        (TemporaryError("x"), 0, 0, 2, 1, 0),
        (TemporaryError("x"), 1, 0, 8, 2, 0),
        (TemporaryError("x"), 2, 0, 32, 3, 0),
        (TemporaryError("x"), 3, 0, None, 4, 0),
        (RuntimeError("x"), 0, 0, 2, 1, 0),
        # a Postgres that can do nothing for anybody costs no attempt for half an hour; a session that it ended does
        (DiskFull(), 3, 0, 10, 3, 10),
        (OperationalError(None, None, DiskFull()), 0, 1790, 10, 0, 1800),
        (OperationalError(None, None, DiskFull()), 0, 1791, 2, 1, 1791),
        (OperationalError(None, None, BackendDied()), 0, 0, 2, 1, 0),
        # a permanent one is FAILED at once
        (PermanentError("x"), 0, 0, None, 1, 0),
        # a wait that is asked for is obeyed to the second (and one more) and costs no attempt,
        # be it longer or shorter than ours
        (TemporaryError("x", 90), 0, 0, 91, 0, 90),
        (TemporaryError("x", 8.5), 1, 10, 10, 1, 18.5),
        (TemporaryError("x", 5), 2, 0, 6, 2, 5),
        (TemporaryError("x", 5), 3, 0, 6, 3, 5),
        # a second at least is counted, or a vendor that always asks for less would never end
        (TemporaryError("x", 0.5), 0, 0, 2, 0, 1),
        # none at all is a plain failure
        (TemporaryError("x", 0), 0, 0, 2, 1, 0),
        (TemporaryError("x", 0), 3, 0, None, 4, 0),
        # 30 minutes in total, then it is a failure
        (TemporaryError("x", 1800), 0, 0, 1801, 0, 1800),
        (TemporaryError("x", 1801), 0, 0, None, 1, 0),
        (TemporaryError("x", 900), 0, 901, None, 1, 901),
    ],
)
def test_a_failure_is_classified(
    error: Exception, failures: int, waited: float, wait: float | None, failures_after: int, waited_after: float
) -> None:
    failure = retry_policy(error, failures, waited, INTERVALS)
    assert failure.retry_in == wait
    assert (failure.failures, failure.waited_seconds) == (failures_after, waited_after)


def test_no_retry_starts_after_the_time_for_it() -> None:
    assert retry_policy(TemporaryError("x"), 1, 0, INTERVALS, give_up_in=8).retry_in == 8
    late = retry_policy(TemporaryError("x"), 1, 0, INTERVALS, give_up_in=7.9)
    assert (late.retry_in, late.sentence, late.failures) == (None, f"x {TOO_LATE}", 2)


def test_a_wait_counts_from_the_answer_however_long_it_takes_to_write_it_down() -> None:
    error = TemporaryError("x", 60)
    error.at -= 40
    left = retry_policy(error, 0, 0, INTERVALS).seconds_left()
    assert left is not None and 20 <= left <= 21
    error.at -= 40
    assert retry_policy(error, 0, 0, INTERVALS).seconds_left() == 0


def test_only_our_own_sentences_are_shown() -> None:
    assert (
        retry_policy(PermanentError("Upload an unlocked copy."), 0, 0, INTERVALS).sentence == "Upload an unlocked copy."
    )
    assert retry_policy(ValueError("row (secret)"), 0, 0, INTERVALS).sentence == UNEXPECTED
    assert "30 minutes" in retry_policy(TemporaryError("Busy.", 5000), 0, 0, INTERVALS).sentence
