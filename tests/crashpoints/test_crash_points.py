"""Killed or stopped at each of its statements, commits and calls to a vendor in turn, each job has its effect once."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recorder import Answer
from vendors import Mood, Vendors, well

sys.path.insert(0, str(Path(__file__).parent))

from cases import CASES

NEVER = 0  # no point has this number
ROUNDS = 6  # of recovery, which bounds a hang: two are enough
Run = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("case", CASES)
def test_killed_at_each_point_in_turn_a_job_has_its_effect_once(
    case: str, run: Run, vendors: Vendors, subtests: pytest.Subtests, record_property: Callable[[str, object], None]
) -> None:
    places = _places(case, run, vendors)
    for number, place in enumerate(places, 1):
        row = _fresh_row(case, run, vendors)
        with subtests.test(msg=f"killed at point {number} of {len(places)}, {place}"):
            status = run("run", case=case, row=row, at=number, signum=signal.SIGKILL)["status"]
            _recover(case, run)  # whatever it was: what is left would be the next case's
            assert status == -signal.SIGKILL
            assert _differences(case, row, run, _texts(vendors)) == []
    record_property("points", len(places))


@pytest.mark.parametrize("case", CASES)
def test_stopped_before_each_step_in_turn_and_awake_after_its_successor_is_done_a_job_has_its_effect_once(
    case: str, run: Run, vendors: Vendors, subtests: pytest.Subtests, record_property: Callable[[str, object], None]
) -> None:
    """After one step or before the next is the same to everybody else."""
    steps = [number for number, place in enumerate(_places(case, run, vendors), 1) if place.startswith("before")]
    for number in steps:
        row = _fresh_row(case, run, vendors)
        with subtests.test(msg=f"stopped at point {number}"):
            status = run("run", case=case, row=row, at=number, signum=signal.SIGSTOP)["status"]
            _recover(case, run)
            assert status is None
            delivered = _texts(vendors)
            assert _differences(case, row, run, delivered) == []
            assert run("go_on")["status"] == 0
            _recover(case, run)
            assert len(_texts(vendors)) - len(delivered) <= CASES[case].may_repeat
            assert _differences(case, row, run, delivered) == []
    record_property("points", len(steps))


def _places(case: str, run: Run, vendors: Vendors) -> list[str]:
    """The points of an undisturbed run."""
    row = _fresh_row(case, run, vendors)
    places = run("run", case=case, row=row, at=NEVER, signum=0)["result"]
    _recover(case, run)
    assert places and _differences(case, row, run, _texts(vendors)) == []
    return list(places)


def _fresh_row(case: str, run: Run, vendors: Vendors) -> dict[str, Any]:
    vendors.deliveries.clear()
    vendors.mood = _refusing_once(CASES[case].first_status)
    return dict(run("prepare", case=case)["result"])


def _refusing_once(status: int | None) -> Mood:
    refusals = [(Answer(status, {}, {"Retry-After": "20"}), False)] if status else []
    return lambda request: refusals.pop() if refusals else well(request)


def _texts(vendors: Vendors) -> list[str]:
    return [delivery.text for delivery in vendors.deliveries]


def _recover(case: str, run: Run) -> None:
    assert run("recover", case=case, rounds=ROUNDS)["result"] == [], "still owed"


def _differences(case: str, row: dict[str, Any], run: Run, delivered: list[str]) -> Any:
    """From one effect."""
    return run("check", case=case, row=row, delivered=delivered)["result"]
