"""The clock follows Postgres': a quick answer tells it more than a slow one."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from nightshift import clock

MONOTONIC, AHEAD = 5000.0, 1000.0


def learn(took: float, late: float, ahead: float = AHEAD) -> float:
    """An answer that took so long, and was given so late: how far off the clock is then."""
    asked_at = MONOTONIC - took
    clock.learn(datetime.fromtimestamp(asked_at + late + ahead, UTC), asked_at)
    return abs(clock.now().timestamp() - MONOTONIC - ahead)


@pytest.fixture(autouse=True)
def of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_known", {"offset": 0.0, "at": float("-inf")})
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: MONOTONIC))


def test_a_slow_answer_does_not_spoil_what_a_quick_one_told() -> None:
    assert learn(took=0.8, late=0) == pytest.approx(0.4)
    for took, late in ((0.01, 0.005), (0.9, 0), (0.9, 0.9)):
        assert learn(took, late) < 0.001
    assert not clock.is_stale()


def test_a_clock_that_was_put_right_or_is_another_ones_is_followed_at_once() -> None:
    learn(took=0, late=0)
    for ahead in (AHEAD + 2, AHEAD - 2):
        assert learn(took=0.4, late=0.2, ahead=ahead) < 0.001


def test_an_answer_that_took_longer_tells_nothing() -> None:
    learn(took=2, late=0)
    assert clock.is_stale()
