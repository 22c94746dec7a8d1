"""Which of the schedulers leads, and what stops a tick."""

from typing import Any
from unittest.mock import MagicMock

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


def test_a_tick_that_fails_for_no_known_reason_is_reported_and_the_next_one_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told, ticks = list[Any](), iter([ValueError("spoilt"), SystemExit()])

    def tick() -> None:
        raise next(ticks)

    monkeypatch.setattr(clockwork, "tick", tick)
    monkeypatch.setattr(clockwork, "_lead", MagicMock())
    monkeypatch.setattr(clockwork, "INTERVAL_SECONDS", 0)
    monkeypatch.setattr(clockwork.signal, "signal", lambda *_: None)
    monkeypatch.setattr(clockwork.account, "start_sentry", lambda *_: None)
    monkeypatch.setattr(clockwork.account, "report", lambda error, **_: told.append(str(error)))
    with pytest.raises(SystemExit):
        clockwork.run()
    assert told == ["spoilt"]
