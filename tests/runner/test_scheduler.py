"""Which of the schedulers works, and what stops a tick."""

import os
from typing import Any

import pytest

from nightshift.db.session import transaction
from runner import scheduler


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a running scheduler."""
    monkeypatch.setattr(scheduler, "TICK_LOCK", scheduler.TICK_LOCK + 1)


def test_while_one_ticks_another_one_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = list[int]()
    monkeypatch.setattr(scheduler.cron, "tick", lambda: ticks.append(1))
    monkeypatch.setattr(scheduler, "reconcile", lambda: 0)
    with transaction() as session:
        session.scalar(scheduler.TURN, {"lock": scheduler.TICK_LOCK})
        scheduler.tick()
        assert not ticks
    scheduler.tick()
    assert ticks, "the other one has ended, however it did"


def test_what_keeps_the_schedule_from_its_work_keeps_no_reconciliation(monkeypatch: pytest.MonkeyPatch) -> None:
    reconciled = list[int]()

    def spoilt() -> Any:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    monkeypatch.setattr(scheduler.cron, "tick", spoilt)
    monkeypatch.setattr(scheduler, "reconcile", lambda: reconciled.append(1))
    with pytest.raises(UnicodeDecodeError):
        scheduler.tick()
    assert reconciled


def test_a_tick_that_fails_unexpectedly_is_reported_and_the_next_one_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    told, ticks = list[Any](), iter([ValueError("spoilt"), SystemExit()])

    def tick() -> None:
        raise next(ticks)

    monkeypatch.setattr(scheduler, "tick", tick)
    monkeypatch.setattr(scheduler, "INTERVAL_SECONDS", 0)
    monkeypatch.setattr(scheduler.signal, "signal", lambda *_: None)
    monkeypatch.setattr(scheduler, "_signals", lambda: (os.pipe()[0],))
    monkeypatch.setattr(scheduler.reporting, "start_sentry", lambda *_: None)
    monkeypatch.setattr(scheduler.reporting, "report", lambda error, **_: told.append(str(error)))
    with pytest.raises(SystemExit):
        scheduler.run()
    assert told == ["spoilt"]
