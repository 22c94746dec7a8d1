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

ROUNDS = 6  # of recovery, which bounds a hang: two are enough
MOST_POINTS = 300


@pytest.mark.parametrize("case", CASES)
def test_killed_at_each_point_in_turn_a_job_has_its_effect_once(
    case: str, run: Callable[..., dict[str, Any]], vendors: Vendors, subtests: pytest.Subtests, points: dict[str, int]
) -> None:
    for number in range(1, MOST_POINTS):
        vendors.deliveries.clear()
        row = run("prepare", case=case, number=number)["result"]
        assert row, "the zygote says on stderr why not"
        ran = run("run", case=case, row=row, fatal=number)
        with subtests.test(msg=f"killed at point {number}"):
            assert ran["status"] in (0, -signal.SIGKILL)
            recovered = run("recover", case=case, rounds=ROUNDS)["result"]
            delivered = [delivery.text for delivery in vendors.deliveries]
            assert recovered, "it is still owed"
            assert run("check", case=case, row=row, delivered=delivered)["result"] == []
        if ran["status"] == 0:
            points[case] = number - 1
            return
    raise AssertionError(f"more than {MOST_POINTS} points")
