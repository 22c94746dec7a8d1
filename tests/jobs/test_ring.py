"""What may be rung now."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from types import SimpleNamespace

from jobs.connection import redis
from jobs.spec import job_id
from owed import WAITS_FOR_ME
from sqlalchemy import text
from stack import wait_for

from jobs import ring
from nightshift import clock, work
from nightshift.db.session import statement, transaction
from nightshift.ids import new_id

HAVE_THE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:job || ' ' || :workspace, 0))")


def owed(workspace: str, *seconds: float) -> list[str]:
    """Rows of one workspace, due so many seconds from now."""
    ids = [new_id("msg") for _ in seconds]
    with transaction() as session:
        for row_id, wait in zip(ids, seconds, strict=True):
            due_at = clock.now() + timedelta(seconds=wait)
            work.order(session, "retry_send", row_id, workspace, lane=row_id, due_at=due_at)
    return ids


def taken(workspace: str) -> list[str]:
    return [row.row_id for row in ring.take("retry_send", workspace)]


def test_what_is_rung_ahead_of_its_time_takes_no_place_of_what_is_due() -> None:
    workspace = new_id("ws")
    ahead = owed(workspace, *[10] * 7)
    assert len(taken(workspace)) == 5
    due = owed(workspace, *[-n for n in range(7)])
    assert taken(workspace) == due[:1:-1], "the longest due first"
    assert taken(workspace) == []
    assert len(ahead) == 7


def test_retries_that_rq_keeps_for_later_count_among_what_is_rung_ahead() -> None:
    workspace = new_id("ws")
    kept = owed(workspace, *[60] * 3)
    statement("UPDATE work SET rung_at = now() WHERE row_id = ANY(%(kept)s)", kept=kept)
    owed(workspace, *[10] * 7)
    assert len(taken(workspace)) == 5 - len(kept)


def test_an_owner_that_did_not_hear_of_its_claim_may_claim_again() -> None:
    [row_id] = owed(new_id("ws"), 0)
    assert work.claim("retry_send", row_id, "me")
    assert work.claim("retry_send", row_id, "another") is None
    again = work.claim("retry_send", row_id, "me")
    assert again
    assert again.runs == 2


def test_what_is_due_later_than_the_next_sweep_is_not_rung() -> None:
    workspace = new_id("ws")
    owed(workspace, 20)
    assert taken(workspace) == []


def test_many_ringers_at_once_ring_no_more_than_one() -> None:
    together = Barrier(8)

    def ringer(workspace: str) -> list[str]:
        together.wait()
        return taken(workspace)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            workspace = new_id("ws")
            owed(workspace, *[0] * 40)
            assert sum(map(len, pool.map(ringer, [workspace] * 8))) == 5


def test_what_became_due_while_a_ringer_waited_for_its_turn_counts_as_due() -> None:
    workspace = new_id("ws")
    before = owed(workspace, *[0] * 5)
    with ThreadPoolExecutor(1) as pool, transaction() as session:
        session.execute(HAVE_THE_TURN, {"job": "retry_send", "workspace": workspace})
        waits = pool.submit(taken, workspace)
        wait_for(lambda: session.scalar(WAITS_FOR_ME))
        owed(workspace, *[0] * 12)
    assert sorted(waits.result()) == sorted(before)
    assert taken(workspace) == []


def test_what_is_being_worked_on_is_not_rung_and_an_old_job_of_it_is_not_run() -> None:
    workspace = new_id("ws")
    [row_id] = owed(workspace, 0)
    lease = work.claim("retry_send", row_id, "a process that was not rung")
    assert lease
    assert taken(workspace) == []
    jobs = []
    for _ in range(2):
        with transaction() as session:
            lease.give_back(session)
        [job] = ring.take("retry_send", workspace)
        jobs.append(job.generation)
        lease = work.claim("retry_send", row_id, "me", job.generation)
        assert lease
    assert work.claim("retry_send", row_id, "another", jobs[1]) is None, "it is someone's"
    with transaction() as session:
        lease.give_back(session)
    assert work.claim("retry_send", row_id, "me", jobs[0]) is None


def test_only_the_head_of_a_lane_is_rung_and_whoever_ends_it_makes_the_next_one_due() -> None:
    workspace = new_id("ws")
    first, second = new_id("msg"), new_id("msg")
    with transaction() as session:
        for row_id in (first, second):
            work.order(session, "retry_send", row_id, workspace, lane="TELEGRAM/1")
    assert taken(workspace) == [first]
    assert work.claim("retry_send", second, "me") is None, "it is not its turn"
    lease = work.claim("retry_send", first, "me")
    assert lease
    with transaction() as session:
        lease.finish(session)
    assert taken(workspace) == [second]
    with transaction() as session:
        work.drop(session, "retry_send", second)


def test_what_is_due_in_less_than_a_second_waits_in_redis_for_it_and_is_not_tried_in_a_loop_until_then() -> None:
    soon = SimpleNamespace(row_id=new_id("msg"), generation=1, failures=0, payload={})
    soon.due_at = clock.now() + timedelta(seconds=0.9)
    with redis().pipeline() as pipe:
        ring.put(pipe, "retry_send", [soon])
        pipe.execute()
    at = redis().zscore("rq:scheduled:webhook-retry", job_id("retry_send", soon.row_id, 1))
    assert at and at >= int(soon.due_at.timestamp())
