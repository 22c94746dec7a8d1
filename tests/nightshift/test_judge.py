"""What an error means for work that failed before: the truth table."""

from datetime import UTC, datetime, timedelta

import pytest
from nightshift.judging import UNEXPECTED, judge

from nightshift.errors import PermanentError, TemporaryError

NOW = datetime(2028, 2, 29, 12, tzinfo=UTC)
LADDER = [2, 8, 32]


@pytest.mark.parametrize(
    ("error", "failures", "waited", "wait", "failures_after", "waited_after"),
    [
        # a plain failure climbs the ladder, and rests after its last step
        (TemporaryError("x"), 0, 0, 2, 1, 0),
        (TemporaryError("x"), 1, 0, 8, 2, 0),
        (TemporaryError("x"), 2, 0, 32, 3, 0),
        (TemporaryError("x"), 3, 0, None, 4, 0),
        (RuntimeError("x"), 0, 0, 2, 1, 0),
        # a permanent one rests at once
        (PermanentError("x"), 0, 0, None, 1, 0),
        # a wait that is asked for is obeyed to the second (and one more: RQ cuts due times) and costs no attempt,
        # be it longer or shorter than ours
        (TemporaryError("x", 90), 0, 0, 91, 0, 90),
        (TemporaryError("x", 8.5), 1, 10, 10, 1, 18.5),
        (TemporaryError("x", 5), 2, 0, 6, 2, 5),
        (TemporaryError("x", 5), 3, 0, 6, 3, 5),
        # a second at least is counted, or a vendor that always asks for less would never come to an end
        (TemporaryError("x", 0.5), 0, 0, 2, 0, 1),
        # none at all is a plain failure
        (TemporaryError("x", 0), 0, 0, 2, 1, 0),
        (TemporaryError("x", 0), 3, 0, None, 4, 0),
        # 30 minutes in all, then it is a failure
        (TemporaryError("x", 1800), 0, 0, 1801, 0, 1800),
        (TemporaryError("x", 1801), 0, 0, None, 1, 0),
        (TemporaryError("x", 900), 0, 901, None, 1, 901),
    ],
)
def test_a_failure_is_judged(
    error: Exception, failures: int, waited: float, wait: float | None, failures_after: int, waited_after: float
) -> None:
    judged = judge(error, failures, waited, LADDER, NOW)
    assert judged.retry_at == (None if wait is None else NOW + timedelta(seconds=wait))
    assert (judged.failures, judged.waited_seconds) == (failures_after, waited_after)


def test_only_our_own_sentences_are_shown() -> None:
    assert judge(PermanentError("Upload an unlocked copy."), 0, 0, LADDER, NOW).sentence == "Upload an unlocked copy."
    assert judge(ValueError("row (secret)"), 0, 0, LADDER, NOW).sentence == UNEXPECTED
    assert "30 minutes" in judge(TemporaryError("Busy.", 5000), 0, 0, LADDER, NOW).sentence
