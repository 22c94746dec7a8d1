"""Who waits for a turn gets it."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock

import pytest
from stack import wait_for

from web.error_responses import Problem
from web.limiters import ConcurrencyLimiter

CROWD = 12


def test_each_of_a_crowd_gets_its_turn_and_no_more_than_allowed_at_a_time() -> None:
    limiter, ready, lock = ConcurrencyLimiter(2), Barrier(2 * CROWD), Lock()
    inside = {"a": 0, "b": 0}
    most = dict(inside)

    def take_turns(workspace_id: str) -> int:
        ready.wait(60)
        for _ in range(10):
            with limiter.turn(workspace_id, 30):
                with lock:
                    inside[workspace_id] += 1
                    most[workspace_id] = max(most[workspace_id], inside[workspace_id])
                time.sleep(0.001)
                with lock:
                    inside[workspace_id] -= 1
        return 10

    with ThreadPoolExecutor(2 * CROWD) as threads:
        taken = list(threads.map(take_turns, ["a", "b"] * CROWD, timeout=120))
    assert taken == [10] * 2 * CROWD
    assert max(most.values()) <= 2


def test_who_waits_too_long_is_refused_and_the_next_one_is_not() -> None:
    limiter = ConcurrencyLimiter(1)
    with limiter.turn("a", 1), limiter.turn("b", 1), pytest.raises(Problem), limiter.turn("a", 0.05):
        pass
    with limiter.turn("a", 1):
        pass


def test_where_all_share_a_total_the_room_of_one_goes_to_another() -> None:
    limiter = ConcurrencyLimiter(total=1, each=1)
    permit = limiter.wait("a", 1)
    with ThreadPoolExecutor(1) as thread:
        other = thread.submit(limiter.wait, "b", 90)
        time.sleep(0.2)
        begun = time.monotonic()
        permit.release()
        other.result(60).release()
    assert time.monotonic() - begun < 60


def test_the_room_of_one_goes_to_another_past_who_has_all_that_one_may_have() -> None:
    limiter = ConcurrencyLimiter(total=2, each=1)
    mine, others = limiter.wait("mine", 1), limiter.wait("others", 1)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(limiter.wait, "mine", 90)
        wait_for(lambda: "mine" in limiter._released)
        second = threads.submit(limiter.wait, "third", 90)
        wait_for(lambda: "third" in limiter._released)
        time.sleep(0.2)
        others.release()
        second.result(60).release()
        mine.release()
        first.result(60).release()
