"""Which of the schedulers leads, and what stops a tick."""

from __future__ import annotations

from typing import Any

import pytest
from stack import wait_for

from jobs import clockwork


@pytest.fixture(autouse=True)
def lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the one of a running scheduler."""
    monkeypatch.setattr(clockwork, "LEADER_LOCK", clockwork.LEADER_LOCK + 1)


def test_a_leader_that_says_nothing_any_more_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clockwork, "SILENT_SECONDS", 1)
    stopped = clockwork._lead()
    assert stopped
    assert clockwork._lead() is None
    successor = wait_for(clockwork._lead)
    for leader in (stopped, successor):
        leader.invalidate()
        leader.close()


def test_what_keeps_the_schedule_from_its_work_keeps_no_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    swept = []

    def spoilt() -> Any:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    monkeypatch.setattr(clockwork.cron, "tick", spoilt)
    monkeypatch.setattr(clockwork, "sweep", lambda: swept.append(1))
    with pytest.raises(UnicodeDecodeError):
        clockwork.tick()
    assert swept
