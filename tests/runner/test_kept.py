"""What takes long to read is read once for all who ask meanwhile, also while Postgres is away."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from sqlalchemy.orm import Session
from stack import wait_for

from runner.operations import kept

THREADS = 5


def test_who_asks_while_it_is_read_gets_that_result_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []  # at the clock: one for each who asks, one where a read begins, one where it ends
    reads: list[int] = []
    monkeypatch.setattr(kept, "transaction", lambda durable: nullcontext())
    clock = SimpleNamespace(monotonic=lambda: looks.append(0.0) or float(len(looks)))
    monkeypatch.setattr(kept, "time", clock)

    @kept.kept
    def read(session: Session) -> int:
        reads.append(1)
        wait_for(lambda: len(looks) > THREADS)
        if len(reads) == 1:
            raise ConnectionError("away")
        return 7

    with ThreadPoolExecutor(THREADS) as threads:
        asked = [threads.submit(read) for _ in range(THREADS)]
    assert [type(each.exception()) for each in asked] == [ConnectionError] * THREADS
    assert len(reads) == 1
    assert (read(), len(reads)) == (7, 2), "who asks later looks again"
    assert (read(), len(reads)) == (7, 2), "it has been read a moment ago"
