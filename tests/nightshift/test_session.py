"""A process that stops in the middle of a transaction must not hold up the others."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from nightshift.db import session

TAKE = text("SELECT pg_advisory_xact_lock(4711)")


def test_who_falls_silent_inside_a_transaction_loses_its_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a process that holds a lock and says nothing more
    monkeypatch.setattr(session, "SILENT_SECONDS", 0.2)
    silent, other = session._pool(), session._pool()
    with silent.connect() as stopped, other.connect() as waiting:
        stopped.execute(TAKE)
        # When another needs the lock, it gets it (20 s bound a hang)
        waiting.execute(text("SET lock_timeout = '20s'"))
        waiting.execute(TAKE)
        # Then what the first one had begun is gone
        with pytest.raises(OperationalError):
            stopped.execute(text("SELECT 1"))
        stopped.invalidate()
    silent.dispose()
    other.dispose()
