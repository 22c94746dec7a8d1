"""Which slots there are, and which are enqueued: a year of them, in any zone, after any absence, by several schedulers."""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

import jobs
from nightshift.db.session import statement, transaction
from runner.cron import entries, open_slots
from runner.registry import SCHEDULE, Entry, job_id, parse_job_id

assert jobs
DAILY, MONTHLY = SCHEDULE["daily-rollup"], SCHEDULE["monthly-credit-grant"]


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


def arguments(entry: Entry, after: str, until: str) -> list[str]:
    return [entry.argument(slot) for slot in _every(entry).slots(at(after), at(until))]


def _every(entry: Entry) -> Entry:
    """The same with all its slots, however many an absence would catch up on."""
    every = replace(entry, catch_up=10_000)
    SCHEDULE[entry.name] = entry  # where the copy has put itself
    return every


@pytest.fixture(params=[DAILY, MONTHLY], ids=["daily", "monthly"])
def entry(request: pytest.FixtureRequest) -> Iterator[Entry]:
    """An entry whose slots and rows are this test's own, so that no running scheduler or worker touches them."""
    name = f"test{uuid.uuid4().hex}"
    job = replace(request.param.job, name=name, check=lambda row_id: None)
    yield replace(request.param, name=name, job=job)
    del SCHEDULE[name]
    statement("DELETE FROM slots WHERE entry = %(name)s", name=name)
    statement("DELETE FROM outbox WHERE job = %(name)s", name=name)


def look(entry: Entry, moment: str) -> None:
    with transaction() as session:
        open_slots(session, entry, at(moment))


def enqueued(entry: Entry) -> list[str]:
    return [row.row_id for row in statement("SELECT row_id FROM outbox WHERE job = %(n)s ORDER BY 1", n=entry.name)]


def test_the_schedule_is_the_contracts() -> None:
    seen = [(e.name, e.cron, e.job.name, e.job.queue.name, e.catch_up) for e in SCHEDULE.values()]
    always = [
        ("daily-rollup", "0 2 * * *", "analytics_rollup.daily_rollup", "analytics-rollup", 40),
        ("monthly-credit-grant", "5 0 1 * *", "billing.monthly_credit_grant", "billing", 3),
    ]
    assert seen == [*always, ("retention", "30 3 * * *", "retention.retention", "analytics-rollup", 1)]
    assert [entry.name for entry in entries()] == [name for name, *_ in always], "RETENTION_DAYS is not set"


def test_a_year_has_each_day_and_each_month_once() -> None:
    days = arguments(DAILY, "2027-01-01T02:00", "2028-01-01T02:00")
    assert len(set(days)) == len(days) == 365
    assert (days[0], days[-1]) == ("2027-01-01", "2027-12-31")
    assert arguments(MONTHLY, "2027-01-01", "2027-12-31") == [f"2027-{month:02}" for month in range(1, 13)]


def test_a_leap_year_has_its_day() -> None:
    days = arguments(DAILY, "2028-02-28T02:00", "2028-03-02T02:00")
    assert days == ["2028-02-28", "2028-02-29", "2028-03-01"]
    assert len(arguments(DAILY, "2028-01-01T02:00", "2029-01-01T02:00")) == 366


def test_a_slot_is_due_at_its_moment_and_not_before() -> None:
    assert arguments(DAILY, "2026-11-23T02:00", "2026-11-24T01:59:59.999999") == []
    assert arguments(DAILY, "2026-11-23T02:00", "2026-11-24T02:00") == ["2026-11-23"]
    assert arguments(MONTHLY, "2026-11-01T00:05", "2026-12-01T00:04:59") == []
    assert arguments(MONTHLY, "2026-11-01T00:05", "2026-12-01T00:05") == ["2026-12"]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York", "Europe/Berlin", "Pacific/Kiritimati"])
def test_the_machines_zone_and_its_summer_time_change_nothing(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def slots() -> list[str]:
        return [
            slot.isoformat() for e in (DAILY, MONTHLY) for slot in _every(e).slots(at("2027-01-01"), at("2028-01-01"))
        ]

    here = slots()
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert time.localtime(0).tm_gmtoff, "it is another zone"
        there = slots()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert there == here
    assert [slot[10:] for slot in there].count("T02:00:00+00:00") == 365
    assert [slot[7:] for slot in there].count("-01T00:05:00+00:00") == 12


def test_a_new_installation_enqueues_nothing_of_the_past(entry: Entry) -> None:
    look(entry, "2026-11-24T12:00")
    look(entry, "2026-11-24T12:00:15")
    assert enqueued(entry) == []


ABSENCES = {  # until when it was away: what is enqueued of each entry
    "2026-11-24T12:00:15": ([], []),
    "2026-11-27T12:00": (["2026-11-24", "2026-11-25", "2026-11-26"], []),
    "2026-12-08T09:00": ([f"2026-11-{d}" for d in range(24, 31)] + [f"2026-12-0{d}" for d in range(1, 8)], ["2026-12"]),
}


@pytest.mark.parametrize("back", ABSENCES)
def test_after_an_absence_each_missed_slot_is_enqueued_once(entry: Entry, back: str) -> None:
    look(entry, "2026-11-24T12:00")
    for _ in range(3):
        look(entry, back)
    assert enqueued(entry) == ABSENCES[back]["5 0" in entry.cron]


def test_catching_up_reaches_forty_days_and_three_months(entry: Entry) -> None:
    look(entry, "2026-11-24T12:00")
    look(entry, "2028-01-15T12:00")
    newest = ["2027-11", "2027-12", "2028-01"] if "5 0" in entry.cron else ["2027-12-06", "2028-01-14"]
    assert len(enqueued(entry)) == entry.catch_up
    assert enqueued(entry)[0] == newest[0] and enqueued(entry)[-1] == newest[-1]
    look(entry, "2028-01-15T12:00:15")
    assert len(enqueued(entry)) == entry.catch_up, "what was too old stays so"


@pytest.mark.slow
def test_a_year_of_ticks_enqueues_a_year(entry: Entry) -> None:
    moment = at("2027-01-01T00:00")
    while moment < at("2028-01-01T12:00"):
        look(entry, moment.replace(tzinfo=None).isoformat())
        moment += timedelta(hours=13)
    assert len(enqueued(entry)) == (13 if "5 0" in entry.cron else 366), "with the first slots of the next one"


def test_several_schedulers_at_once_enqueue_each_slot_once(entry: Entry) -> None:
    look(entry, "2026-10-20T12:00")
    start = Barrier(4)

    def tick(_: int) -> list[datetime]:
        start.wait()
        with transaction() as session:
            return open_slots(session, entry, at("2026-11-24T12:00"))

    with ThreadPoolExecutor(4) as pool:
        written = [slot for slots in pool.map(tick, range(4)) for slot in slots]
    assert len(written) == len(set(written)) == len(enqueued(entry))


def test_killed_between_any_two_writes_the_next_tick_does_the_rest(
    entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(entry, "2026-11-20T12:00")
    for writes in range(20):
        with monkeypatch.context() as patch:
            _die_at(patch, writes)
            try:
                look(entry, "2026-12-02T12:00")
                break
            except _Killed:
                assert enqueued(entry) == [], "all of it or nothing"
    else:
        look(entry, "2026-12-02T12:00")
    assert len(enqueued(entry)) == (1 if "5 0" in entry.cron else 12)


class _Killed(BaseException):
    pass


def _die_at(patch: pytest.MonkeyPatch, number: int) -> None:
    from sqlalchemy.orm import Session

    execute, left = Session.execute, iter(range(number))

    def dying(self: Session, *args: Any, **options: Any) -> Any:
        if next(left, None) is None:
            raise _Killed
        return execute(self, *args, **options)

    patch.setattr(Session, "execute", dying)


def test_a_slot_in_the_future_is_not_believed(entry: Entry) -> None:
    look(entry, "2026-11-24T12:00")
    look(entry, "2031-01-15T12:00")  # by a clock that was ahead
    before = enqueued(entry)
    look(entry, "2026-12-01T12:00")
    assert set(enqueued(entry)) - set(before) == set(arguments(entry, "2026-11-24T12:00", "2026-12-01T12:00"))


def test_a_slot_that_a_clock_wrote_too_early_is_enqueued_again_when_its_time_comes(entry: Entry) -> None:
    look(entry, "2026-11-24T12:00")
    look(entry, "2026-12-03T12:00")
    early = arguments(entry, "2026-11-25T12:00", "2026-12-03T12:00")
    statement("UPDATE outbox SET state = 'done' WHERE job = %(name)s", name=entry.name)
    look(entry, "2026-11-25T12:00")
    look(entry, "2026-12-03T12:00")
    again = statement("SELECT row_id FROM outbox WHERE job = %(n)s AND state = 'pending' ORDER BY 1", n=entry.name)
    assert [row.row_id for row in again] == early


def test_a_day_and_a_month_can_be_part_of_a_jobs_id() -> None:
    for job, row_id in (("analytics_rollup.daily_rollup", "2026-11-24"), ("billing.monthly_credit_grant", "2026-11")):
        assert parse_job_id(job_id(job, row_id, 3)) == (job, row_id, 3)
