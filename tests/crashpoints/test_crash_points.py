"""Killed before and after each of its statements, commits and calls to a vendor in turn, each job has its effect once."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vendors import Vendors

sys.path.insert(0, str(Path(__file__).parent))

from cases import CASES

NEVER = 0  # no point has this number
ROUNDS = 6  # of recovery, which bounds a hang: two are enough
Run = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("case", CASES)
def test_killed_at_each_point_in_turn_a_job_has_its_effect_once(
    case: str, run: Run, vendors: Vendors, subtests: pytest.Subtests, points: dict[str, int]
) -> None:
    row = _fresh_row(case, run, vendors)
    places = run("run", case=case, row=row, fatal=NEVER)["result"]
    assert places and _differences(case, row, run, vendors) == []
    for number, place in enumerate(places, 1):
        row = _fresh_row(case, run, vendors)
        with subtests.test(msg=f"killed at point {number} of {len(places)}, {place}"):
            assert run("run", case=case, row=row, fatal=number)["status"] == -signal.SIGKILL
            assert _differences(case, row, run, vendors) == []
    points[case] = len(places)


def _fresh_row(case: str, run: Run, vendors: Vendors) -> dict[str, Any]:
    vendors.deliveries.clear()
    return dict(run("prepare", case=case)["result"])


def _differences(case: str, row: dict[str, Any], run: Run, vendors: Vendors) -> Any:
    """From one effect, after the recovery."""
    assert run("recover", case=case, rounds=ROUNDS)["result"], "it is still owed"
    delivered = [delivery.text for delivery in vendors.deliveries]
    return run("check", case=case, row=row, delivered=delivered)["result"]
