"""What Redis holds of the schedule: entries that never run, lost and found again without a slot lost or doubled."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis as redis_library
from owed import Clock
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError

import jobs
from nightshift.db.session import statement
from runner import cron
from runner.registry import SCHEDULE, Entry

assert jobs
DUE = "rq:scheduler:scheduled_jobs"


@pytest.fixture
def redis(servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A database beside the one of a running stack."""
    connection = redis_library.Redis.from_url(servers["REDIS_URL"], db=7)
    connection.flushdb()
    monkeypatch.setattr(cron, "redis", lambda: connection)
    yield connection
    connection.flushdb()


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Entry]:
    name, daily = f"test{uuid.uuid4().hex}", SCHEDULE["daily-rollup"]
    job = replace(daily.job, name=name, check=lambda row_id: None)
    entry = replace(daily, name=name, job=job)
    del SCHEDULE[name]
    monkeypatch.setattr(cron, "SCHEDULE", {name: entry})
    yield entry
    SCHEDULE.pop(name, None)
    statement("DELETE FROM slots WHERE entry = %(name)s", name=name)
    statement("DELETE FROM outbox WHERE job = %(name)s", name=name)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch, entry: Entry, redis: Any) -> Clock:
    """Postgres' clock, after a first tick at noon."""
    time = Clock("2026-11-24T12:00:00+00:00")
    monkeypatch.setattr(cron, "now", lambda session: time.moment)
    cron.tick()
    return time


def enqueued(entry: Entry) -> list[str]:
    return [row.row_id for row in statement("SELECT row_id FROM outbox WHERE job = %(n)s ORDER BY 1", n=entry.name)]


def test_an_entry_waits_for_its_next_slot_in_utc(redis: Any, entry: Entry, time: Clock) -> None:
    [(name, due)] = redis.zrange(DUE, 0, -1, withscores=True)
    assert (name.decode(), due) == (entry.name, Clock("2026-11-25T02:00:00+00:00").moment.timestamp())


def test_looking_again_and_again_leaves_it_alone(redis: Any, entry: Entry, time: Clock) -> None:
    before = redis.zrange(DUE, 0, -1, withscores=True)
    for _ in range(3):
        cron.tick()
    assert redis.zrange(DUE, 0, -1, withscores=True) == before
    assert enqueued(entry) == []


def test_a_slot_is_enqueued_when_it_comes_and_once(redis: Any, entry: Entry, time: Clock) -> None:
    for moment, days in (("25T01:59:59", []), ("25T02:00:00", ["2026-11-24"]), ("25T02:00:15", ["2026-11-24"])):
        time.to(f"2026-11-{moment}+00:00")
        cron.tick()
        assert enqueued(entry) == days


def test_the_entry_itself_is_never_queued(redis: Any, entry: Entry, time: Clock) -> None:
    time.to("2026-11-28T12:00:00+00:00")
    cron.tick()
    assert len(enqueued(entry)) == 4
    assert {DUE.encode(), f"rq:job:{entry.name}".encode()} <= set(redis.keys())
    assert not redis.keys("rq:queue:*")
    raw = redis.hgetall(f"rq:job:{entry.name}")
    assert not [value for value in raw.values() if b"\x80\x04" in value], "no pickle"


def test_redis_wiped_loses_no_slot_and_doubles_none(redis: Any, entry: Entry, time: Clock) -> None:
    for moment in ("25T01:00:00", "25T02:00:05", "25T02:00:20", "26T03:00:00"):
        time.to(f"2026-11-{moment}+00:00")
        redis.flushdb()
        cron.tick()
        redis.flushdb()
        cron.tick()
    assert enqueued(entry) == ["2026-11-24", "2026-11-25"]


def test_an_entry_deleted_by_hand_comes_back(redis: Any, entry: Entry, time: Clock) -> None:
    redis.delete(f"rq:job:{entry.name}")
    time.to("2026-11-25T02:00:00+00:00")
    cron.tick()
    assert enqueued(entry) == ["2026-11-24"]
    assert redis.exists(f"rq:job:{entry.name}")


def test_a_tick_opens_the_slots_though_redis_is_away(
    redis: Any, entry: Entry, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise RedisError("away")

    time.to("2026-11-25T02:00:00+00:00")
    with monkeypatch.context() as patch:
        patch.setattr(redis, "execute_command", away)
        with pytest.raises(RedisError):
            cron.tick()
    assert enqueued(entry) == ["2026-11-24"]


def test_a_changed_entry_counts_from_now_and_an_undeclared_one_goes(
    redis: Any, entry: Entry, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.hset("rq:job:nobodys", mapping={"status": "scheduled", "data": "[]", "created_at": "2026-11-24T12:00:00Z"})
    redis.zadd(DUE, {"nobodys": 1})
    monkeypatch.setattr(cron, "SCHEDULE", {entry.name: replace(entry, cron="30 12 * * *")})
    time.to("2026-11-24T12:31:00+00:00")
    cron.tick()
    assert enqueued(entry) == ["2026-11-23"]
    assert redis.zrange(DUE, 0, -1) == [entry.name.encode()]
    assert b"30 12" in redis.hget(f"rq:job:{entry.name}", "meta")


@pytest.mark.parametrize("due", [4e9, "inf"])
def test_a_due_time_that_is_too_late_is_put_right(redis: Any, entry: Entry, time: Clock, due: Any) -> None:
    redis.zadd(DUE, {entry.name: due})
    time.to("2026-11-25T02:00:00+00:00")
    cron.tick()
    assert enqueued(entry) == ["2026-11-24"]


def test_killed_or_cut_off_anywhere_in_a_tick_the_next_one_does_the_rest(
    redis: Any, entry: Entry, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    time.to("2026-11-26T12:00:00+00:00")
    send, ticks = redis.execute_command, 0
    for commands in range(12):
        redis.flushdb()
        left = iter(range(commands))

        def dying(*args: Any, left: Any = left, **options: Any) -> Any:
            if next(left, None) is None:
                raise RedisError("away")
            return send(*args, **options)

        with monkeypatch.context() as patch:
            patch.setattr(redis, "execute_command", dying)
            try:
                cron.tick()
                ticks += 1
            except RedisError:
                pass
    assert ticks, "it was let through in the end"
    cron.tick()
    assert enqueued(entry) == ["2026-11-24", "2026-11-25"]


def test_postgres_away_leaves_the_slot_due(
    redis: Any, entry: Entry, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    time.to("2026-11-25T02:00:00+00:00")

    def away(*_: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("away"))

    with monkeypatch.context() as patch:
        patch.setattr(cron, "open_slots", away)
        with pytest.raises(OperationalError):
            cron.tick()
    cron.tick()
    assert enqueued(entry) == ["2026-11-24"]


@pytest.mark.parametrize("strange", [b"\xff", b"nobody's", b""])
def test_what_else_stands_in_the_schedule_goes_and_no_tick_stumbles_over_it(
    redis: Any, entry: Entry, time: Clock, strange: bytes
) -> None:
    redis.zadd(DUE, {strange: 1})
    time.to("2026-11-25T02:00:00+00:00")
    cron.tick()
    assert enqueued(entry) == ["2026-11-24"]
    assert redis.zrange(DUE, 0, -1) == [entry.name.encode()]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda redis, name: redis.set(DUE, "text"),
        lambda redis, name: redis.zadd(DUE, {name: -1}),
        lambda redis, name: redis.set(f"rq:job:{name}", "text"),
        lambda redis, name: redis.hset(
            f"rq:job:{name}", mapping={"data": b"\x80", "meta": b"\xff", "created_at": "never"}
        ),
    ],
    ids=["no set", "before time began", "no hash", "no job"],
)
def test_a_spoilt_schedule_is_put_right(redis: Any, entry: Entry, time: Clock, spoil: Any) -> None:
    redis.delete(DUE)
    spoil(redis, entry.name)
    time.to("2026-11-25T02:00:00+00:00")
    for _ in range(2):
        cron.tick()
    assert enqueued(entry) == ["2026-11-24"]


def test_an_entry_that_fails_keeps_no_other_from_its_slots(
    redis: Any, entry: Entry, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(slot: Any) -> str:
        raise ValueError("no argument")

    told: list[object] = []
    monkeypatch.setattr(cron.reporting, "report", lambda error, **_: told.append(str(error)))
    other = replace(entry, name=f"test{uuid.uuid4().hex}", argument=broken)
    del SCHEDULE[other.name]
    monkeypatch.setattr(cron, "SCHEDULE", {other.name: other, entry.name: entry})
    cron.tick()
    time.to("2026-11-25T02:00:00+00:00")
    cron.tick()
    assert enqueued(entry) == ["2026-11-24"]
    assert told == ["no argument"]
    statement("DELETE FROM slots WHERE entry = %(name)s", name=other.name)
