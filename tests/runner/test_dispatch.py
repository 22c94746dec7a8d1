"""Which rows may be dispatched, and which of them may be claimed."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

import jobs
from nightshift import outbox
from nightshift.db.session import statement, transaction
from nightshift.ids import new_id
from nightshift.outbox import enqueueing
from runner.connection import redis
from runner.dispatch import dispatch_all, hand_over, lost, push, take
from runner.registry import JOBS, NO_PAYLOAD, job_id

assert jobs
JOB = "tests.of_dispatch"


@pytest.fixture(autouse=True)
def nothing_dispatched_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of this process alone: the stack of other tests has a dispatcher, which looks at the same rows."""
    monkeypatch.setattr(enqueueing, "_on_commit", [])
    monkeypatch.setitem(JOBS, JOB, replace(JOBS["webhook_retry.retry_send"], name=JOB, payload=NO_PAYLOAD))


def enqueue(workspace: str, *seconds: float) -> list[str]:
    """Rows of one workspace, due so many seconds from now."""
    ids = [new_id("msg") for _ in seconds]
    with transaction() as session:
        for row_id, wait in zip(ids, seconds, strict=True):
            outbox.enqueue(session, JOB, row_id, workspace, lane=row_id, due_in=wait)
    return ids


def taken(workspace: str) -> list[str]:
    return [row.row_id for row in take(JOBS[JOB], workspace)]


def claim(workspace: str) -> outbox.Lease:
    [row] = take(JOBS[JOB], workspace)
    lease = outbox.claim(JOB, row.row_id, row.generation, "me")
    assert lease
    return lease


def state(row_id: str) -> str:
    return str(statement("SELECT state FROM outbox WHERE row_id = %(id)s", id=row_id)[0].state)


def test_a_workspace_has_at_most_as_many_as_its_queue_has_workers_those_due_longest_first() -> None:
    workspace = new_id("ws")
    due = enqueue(workspace, *[-n for n in range(7)])
    assert taken(workspace) == due[:1:-1]
    assert taken(workspace) == []


def test_what_is_due_later_waits_in_postgres() -> None:
    workspace = new_id("ws")
    enqueue(workspace, 1)
    assert taken(workspace) == []


@pytest.mark.slow
def test_many_at_once_dispatch_no_more_than_one_does() -> None:
    together = Barrier(8)

    def dispatcher(workspace: str) -> list[str]:
        together.wait()
        return taken(workspace)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            workspace = new_id("ws")
            enqueue(workspace, *[0] * 40)
            assert sum(map(len, pool.map(dispatcher, [workspace] * 8))) == 5


def test_many_that_end_a_row_at_once_keep_the_bound_and_dispatch_one_each() -> None:
    workspace = new_id("ws")
    enqueue(workspace, *[0] * 40)
    rows = take(JOBS[JOB], workspace)
    while rows:
        leases = [outbox.claim(JOB, row.row_id, row.generation, "me") for row in rows]
        together = Barrier(len(rows))

        def end(lease: outbox.Lease, together: Barrier = together) -> list[object]:
            lease.hand_over = hand_over(JOBS[JOB])
            together.wait()
            lease.finish_by()
            return list(lease.successors)

        with ThreadPoolExecutor(len(rows)) as pool:
            successors = [row for found in pool.map(end, leases) for row in found]  # type: ignore[arg-type]
        active = "SELECT 1 FROM outbox WHERE workspace_id = %(w)s AND state IN ('dispatched', 'running')"
        assert len(statement(active, w=workspace)) == len(successors) <= 5
        rows = successors
    left = "SELECT state, count(*) AS n FROM outbox WHERE workspace_id = %(w)s GROUP BY 1"
    assert [(row.state, row.n) for row in statement(left, w=workspace)] == [("done", 40)]


def test_every_workspace_with_a_due_row_and_a_free_place_is_dispatched() -> None:
    ready, full, early = new_id("ws"), new_id("ws"), new_id("ws")
    enqueue(ready, 0, 0)
    enqueue(full, *[0] * 6)
    enqueue(early, 60)
    taken(full)
    dispatch_all([JOB])
    rows = statement("SELECT workspace_id FROM outbox WHERE state = 'dispatched'")
    counts = Counter(row.workspace_id for row in rows)
    assert (counts[ready], counts[full], counts[early]) == (2, 5, 0)


def test_an_owner_that_did_not_hear_of_its_claim_may_claim_again() -> None:
    workspace = new_id("ws")
    enqueue(workspace, 0)
    [row] = take(JOBS[JOB], workspace)
    claimed = (JOB, row.row_id, row.generation)
    assert outbox.claim(*claimed, "me")
    assert outbox.claim(*claimed, "another") is None
    again = outbox.claim(*claimed, "me")
    assert again and again.runs == 2


def test_a_job_of_an_earlier_dispatch_claims_nothing() -> None:
    workspace = new_id("ws")
    [row_id] = enqueue(workspace, 0)
    first = claim(workspace)
    assert taken(workspace) == [], "it is running"
    with transaction() as session:
        first.release(session)
    assert outbox.claim(JOB, row_id, first.generation, "me") is None, "it is not dispatched"
    second = claim(workspace)
    assert second.generation > first.generation
    assert outbox.claim(JOB, row_id, first.generation, "me") is None


def test_a_process_that_is_no_worker_takes_a_row_from_the_job_that_waits_in_redis() -> None:
    workspace = new_id("ws")
    [row_id] = enqueue(workspace, 0)
    [row] = take(JOBS[JOB], workspace)
    with transaction() as session:
        assert outbox.claim_here(session, JOB, row_id)
        assert outbox.claim_here(session, JOB, row_id) is None
    assert outbox.claim(JOB, row_id, row.generation, "a worker") is None


def test_only_the_head_of_a_lane_is_dispatched_and_its_end_unblocks_the_next_row() -> None:
    workspace = new_id("ws")
    first, second = new_id("msg"), new_id("msg")
    with transaction() as session:
        for row_id in (first, second):
            outbox.enqueue(session, JOB, row_id, workspace, lane="TELEGRAM/1")
    assert (state(first), state(second)) == ("pending", "blocked")
    lease = claim(workspace)
    assert lease.row_id == first
    with transaction() as session:
        assert outbox.claim_here(session, JOB, second) is None, "it is not its turn"
        lease.finish(session)
    assert taken(workspace) == [second]
    with transaction() as session:
        outbox.delete(session, JOB, second)


def test_a_head_that_is_enqueued_again_keeps_its_place() -> None:
    workspace = new_id("ws")
    first, second = new_id("msg"), new_id("msg")
    with transaction() as session:
        for row_id in (first, second, first):
            outbox.enqueue(session, JOB, row_id, workspace, lane="TELEGRAM/1")
    assert (state(first), state(second)) == ("pending", "blocked")
    with transaction() as session:
        outbox.delete(session, JOB, first)
    assert state(second) == "pending"


def test_a_row_id_that_rq_does_not_take_is_refused_before_it_is_written() -> None:
    for row_id in ("24.11.2026", "", "a b", "x" * 101, "ä"):
        with transaction() as session, pytest.raises(ValueError, match="row_id"):
            outbox.enqueue(session, JOB, row_id, "ws")


def test_a_row_that_cannot_be_dispatched_fails_alone_and_says_so() -> None:
    workspace = new_id("ws")
    bad = f"24.11.{workspace}"
    statement("INSERT INTO outbox (job, row_id, workspace_id) VALUES (%(j)s, %(r)s, %(w)s)", j=JOB, r=bad, w=workspace)
    [good] = enqueue(workspace, 0)
    push(JOBS[JOB], take(JOBS[JOB], workspace))
    [row] = statement("SELECT state, error FROM outbox WHERE row_id = %(id)s", id=bad)
    assert row.state == "failed" and "cannot be dispatched" in row.error
    assert redis().exists(f"rq:job:{job_id(JOB, good, 1)}")


def test_a_transaction_that_rolls_back_enqueues_and_dispatches_nothing() -> None:
    told: list[object] = []
    outbox.on_commit(lambda pairs: told.extend(pairs))
    workspace = new_id("ws")
    with pytest.raises(ZeroDivisionError), transaction() as session:
        outbox.enqueue(session, JOB, new_id("msg"), workspace)
        raise ZeroDivisionError
    assert told == [] and taken(workspace) == []
    enqueue(workspace, 0, 0)
    assert told == [(JOB, workspace)], "once for each workspace"


def test_what_redis_lost_is_pending_again_unless_a_worker_has_claimed_it_meanwhile() -> None:
    workspace = new_id("ws")
    missing, claimed = enqueue(workspace, -1, 0)
    rows = {row.row_id: row for row in take(JOBS[JOB], workspace)}
    outbox.claim(JOB, claimed, rows[claimed].generation, "me")
    lost(*[(JOB, row_id, row.generation) for row_id, row in rows.items()])
    assert (state(missing), state(claimed)) == ("pending", "running")
