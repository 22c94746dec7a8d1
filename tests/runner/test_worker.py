"""A worker and what is under it: time limits, views that fail, rubbish in Redis, rows whose payload cannot be read."""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg2
import pytest
from redis import Redis
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

import jobs
from nightshift import outbox
from nightshift.db import connection as connections
from nightshift.db import session as sessions
from nightshift.db.session import DISCONNECTED, statement, transaction
from nightshift.outbox import current_lease, enqueueing
from nightshift.retry_policy import UNEXPECTED
from runner import dispatch as dispatching
from runner import rescue as rescuing
from runner import rq_hash
from runner.connection import redis
from runner.counts import COUNTS
from runner.dispatch import dispatch, dispatch_all, take
from runner.heartbeat import GONE_AFTER_SECONDS, Heartbeat
from runner.registry import JOBS, Job, Queue, job_id
from runner.rescue import rescue, rescue_popped
from runner.worker import Worker

assert jobs


@pytest.fixture
def queue() -> Iterator[Queue]:
    """A queue of this test's own, which no running worker works on."""
    from runner.registry import QUEUES

    made = Queue(f"test{uuid.uuid4().hex}", 2, 5, 5, 60)
    yield made
    del QUEUES[made.name]
    for key in redis().keys(f"rq:*{made.name}*"):
        redis().delete(key)


@pytest.fixture
def register(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Job]]:
    """A job of that queue whose function is the given one."""
    made: list[str] = []

    def register(function: Callable[[str], None] = lambda row_id: None, **options: Any) -> Job:
        name = f"test.f{uuid.uuid4().hex}"
        known = JOBS["analytics_rollup.daily_rollup"]
        options = {"time_limit_seconds": 60, "check": lambda row_id: None, "retry_failed": None, **options}
        JOBS[name] = replace(known, name=name, queue=queue, function=function, **options)
        made.append(name)
        return JOBS[name]

    monkeypatch.setattr(enqueueing, "_on_commit", [])
    yield register
    for name in made:
        del JOBS[name]
        rq_hash._template.cache_clear()
        statement("DELETE FROM outbox WHERE job = %(job)s", job=name)


def enqueue(job: Job, count: int = 1, workspace: str = "ws") -> list[str]:
    ids = [f"row_{number}" for number in range(count)]
    with transaction() as session:
        for row_id in ids:
            job.enqueue(session, row_id, workspace)
    return ids


def work(queue: Queue) -> int:
    """A worker of the queue works until it is empty, in a process of its own. Its exit status."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            sessions.engine.cache_clear()
            outbox.on_commit(dispatching._dispatch_pairs)
            worker = Worker(queue, f"{queue.name}-worker")
            Heartbeat(worker, os.getppid()).start()
            worker.work(burst=True, logging_level="CRITICAL")
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def rows(job: Job) -> list[tuple[Any, ...]]:
    found = statement("SELECT state, failures, error FROM outbox WHERE job = %(job)s ORDER BY row_id", job=job.name)
    return [tuple(row) for row in found]


def test_a_job_over_its_time_limit_fails_its_attempt_and_keeps_its_worker(queue: Queue, register: Any) -> None:
    slow = register(lambda row_id: time.sleep(30), time_limit_seconds=1)
    quick = register()
    enqueue(slow), enqueue(quick)
    dispatch(slow.name, "ws"), dispatch(quick.name, "ws")
    assert work(queue) == 0
    assert rows(slow) == [("pending", 1, "It took longer than 0 minutes.")]
    assert rows(quick) == [("done", 0, None)]


def test_a_postgres_that_takes_no_writes_costs_a_job_no_attempt(queue: Queue, register: Any) -> None:
    def writes(row_id: str) -> None:
        with transaction() as session:
            session.execute(text("SET TRANSACTION READ ONLY"))  # as every one of a server that failed over
            session.execute(text("DELETE FROM slots WHERE entry = 'none'"))

    job = register(writes)
    enqueue(job)
    dispatch(job.name, "ws")
    assert work(queue) == 0
    assert rows(job) == [("pending", 0, UNEXPECTED)]


def test_a_row_whose_view_fails_is_settled_all_the_same(queue: Queue, register: Any) -> None:
    def view(*_: Any) -> None:
        raise KeyError("no such owner")

    def fails(row_id: str) -> None:
        raise ValueError("broken")

    job = register(fails, on_failure=view)
    enqueue(job)
    dispatch(job.name, "ws")
    assert work(queue) == 0
    [(state, failures, _)] = rows(job)
    assert (state, failures) == ("pending", 1)


def test_a_row_whose_view_fails_keeps_no_other_from_its_rescue(register: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def view(*_: Any) -> None:
        raise KeyError("no such owner")

    monkeypatch.setattr(rescuing, "FREE_DEATHS", 0)
    monkeypatch.setattr(rescuing.reporting, "report", lambda *_, **__: None)
    broken, healthy = register(on_failure=view), register()
    for job in (broken, healthy):
        enqueue(job)
        [row] = take(job, "ws")
        outbox.claim(job.name, row.row_id, row.generation, "dead worker")
    assert rescue("dead worker") == 2
    assert [rows(job)[0][:2] for job in (broken, healthy)] == [("pending", 1), ("pending", 1)]


def test_a_payload_that_cannot_be_read_stops_neither_its_own_row_nor_another(queue: Queue, register: Any) -> None:
    broken = register(payload="SELECT row_id AS id, 1 / 0 AS shown FROM outbox")
    healthy = register()
    enqueue(broken, 3), enqueue(healthy)
    dispatch_all([broken.name, healthy.name])
    assert work(queue) == 0
    assert rows(broken) == [("done", 0, None)] * 3
    assert rows(healthy) == [("done", 0, None)]


RUBBISH: dict[str, Callable[[Redis, str], Any]] = {
    "counts": lambda connection, queue: connection.set(COUNTS, "text"),
    "a count": lambda connection, queue: connection.hset(COUNTS, f"nightshift_wait_seconds {queue} 0.01", "many"),
    "finished": lambda connection, queue: connection.set(f"rq:finished:{queue}", "text"),
    "started": lambda connection, queue: connection.set(f"rq:wip:{queue}", "text"),
}


@pytest.mark.parametrize("where", RUBBISH)
def test_rubbish_where_rqs_tools_look_keeps_no_job_from_its_worker(where: str, queue: Queue, register: Any) -> None:
    job = register()
    enqueue(job, 8)
    dispatch(job.name, "ws")
    counts = redis().dump(COUNTS) if redis().type(COUNTS) == b"hash" else None
    try:
        RUBBISH[where](redis(), queue.name)
        assert work(queue) == 0
    finally:
        redis().delete(COUNTS)
        if counts:
            redis().restore(COUNTS, 0, counts)
    assert rows(job) == [("done", 0, None)] * 8


def test_a_job_that_its_worker_had_popped_and_not_claimed_when_it_died_is_dispatched_again(register: Any) -> None:
    job = register()
    [row_id] = enqueue(job)
    [row] = take(job, "ws")
    worker = f"dead-{uuid.uuid4().hex}"
    redis().hset(f"rq:worker:{worker}", "current_job", job_id(job.name, row_id, row.generation))
    rescue_popped(worker)
    assert rows(job)[0][0] == "pending"
    redis().delete(f"rq:worker:{worker}")


def test_a_worker_that_dies_before_its_first_heartbeat_is_gone_as_soon_as_any(queue: Queue) -> None:
    worker = Worker(queue, f"test-{uuid.uuid4().hex}")
    worker.register_birth()
    assert 0 < redis().ttl(worker.key) <= GONE_AFTER_SECONDS
    worker.register_death()


def test_what_runs_in_requests_takes_no_room_of_what_runs_in_workers(register: Any) -> None:
    job = register()
    ids = enqueue(job, 6)
    with transaction() as session:
        for row_id in ids[:4]:
            assert outbox.claim_here(session, job.name, row_id)
    assert len(take(job, "ws")) == 2


def test_a_row_enqueued_again_without_its_lane_stays_in_it(register: Any) -> None:
    job = register()
    with transaction() as session:
        for row_id in ("first", "second"):
            job.enqueue(session, row_id, "ws", lane="a")
        job.enqueue(session, "second", "ws")
        job.enqueue(session, "first", "ws")
    lanes = statement("SELECT row_id, state, lane FROM outbox WHERE job = %(j)s ORDER BY row_id", j=job.name)
    assert [tuple(row) for row in lanes] == [("first", "pending", "a"), ("second", "blocked", "a")]


def test_a_failed_row_that_is_retried_joins_its_lane_again(register: Any) -> None:
    job = register()
    with transaction() as session:
        for row_id in ("first", "second"):
            job.enqueue(session, row_id, "ws", lane="a")
    statement("UPDATE outbox SET state = 'failed' WHERE job = %(j)s AND row_id = 'first'", j=job.name)
    with transaction() as session:
        assert job.enqueue_again(session, "first")
    lanes = statement("SELECT row_id, state, lane FROM outbox WHERE job = %(j)s ORDER BY row_id", j=job.name)
    assert [tuple(row) for row in lanes] == [("first", "blocked", "a"), ("second", "pending", "a")]


def test_a_row_that_was_never_tried_waits_for_the_end_of_a_hold(register: Any) -> None:
    job = register()
    with transaction() as session:
        job.enqueue(session, "row", "ws", lane="TELEGRAM/1")
        until = session.execute(text("SELECT now() + interval '90 seconds'")).scalar_one()
        outbox.postpone(session, job.name, "ws", "TELEGRAM/", until)
    [row] = statement("SELECT due_at FROM outbox WHERE job = %(j)s", j=job.name)
    assert row.due_at == until


def test_a_function_finds_its_lease_and_may_settle_the_row_itself(queue: Queue, register: Any) -> None:
    def settles(row_id: str) -> None:
        with transaction() as session:
            current_lease().finish(session)

    job = register(settles)
    enqueue(job, 3)
    dispatch(job.name, "ws")
    assert work(queue) == 0
    assert rows(job) == [("done", 0, None)] * 3


def test_a_postgres_that_is_read_only_counts_as_away(servers: dict[str, str]) -> None:
    name = f"readonly{uuid.uuid4().hex}"
    admin = psycopg2.connect(servers["DATABASE_URL"])
    admin.autocommit = True
    admin.cursor().execute(f"CREATE ROLE {name} LOGIN SUPERUSER")
    admin.cursor().execute(f"ALTER ROLE {name} SET default_transaction_read_only = on")
    pool = sessions.engine()
    try:
        with pytest.MonkeyPatch.context() as patch:
            url = servers["DATABASE_URL"].replace("nightshift@", f"{name}@")
            patch.setattr(connections, "settings", lambda: type("S", (), {"database_url": url}))
            sessions.engine.cache_clear()
            with pytest.raises(DISCONNECTED):
                statement("DELETE FROM slots WHERE entry = 'none'")
            with pytest.raises(OperationalError) as raised, transaction() as session:
                session.execute(text("DELETE FROM slots WHERE entry = 'none'"))
            assert raised.value.connection_invalidated
            sessions.engine().dispose()
    finally:
        sessions.engine.cache_clear()
        pool.dispose()
        admin.cursor().execute(f"DROP ROLE {name}")
        admin.close()
