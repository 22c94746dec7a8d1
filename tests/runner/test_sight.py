"""While nobody could renew a lease, its end says nothing."""

import pytest

from runner import dispatcher
from runner.dispatcher import GRACE_SECONDS, Sight


def test_after_a_time_without_postgres_the_living_renew_their_leases_first(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, there = [0.0], [True]
    monkeypatch.setattr(dispatcher.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(dispatcher, "writable", lambda: there[0])

    def look(after: float, writable: bool = True) -> bool:
        clock[0] += after
        there[0] = writable
        return sight.clear()

    sight = Sight()
    assert look(5) and look(5) and look(10)
    # Silent for a while
    assert not look(60)
    assert not any(look(5) for _ in range(int(GRACE_SECONDS / 5) - 1))
    assert look(5)
    # Read-only, or full
    assert not look(5, writable=False)
    assert not look(5)
    assert look(GRACE_SECONDS / 2) is False and look(GRACE_SECONDS / 2)
