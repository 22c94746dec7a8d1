"""The roll-up is a fresh count, whatever came late, however often it runs, and whoever else writes meanwhile."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from owed import Clock, do, lease_on
from stack import wait_for

from nightshift.analytics import arrivals, rollup
from nightshift.billing import credits, grants
from nightshift.db.session import statement, transaction
from nightshift.errors import LeaseLost

YESTERDAY = date(2033, 3, 9)
NOON = datetime(2033, 3, 9, 12, tzinfo=UTC)


def run(day: date = YESTERDAY) -> None:
    do(rollup.roll_up, day.isoformat())


def marks() -> list[date]:
    return [row.day for row in statement("SELECT day FROM dirty_days WHERE day >= '2033-01-01' ORDER BY id")]


def test_each_thing_is_counted_on_the_day_of_its_own(company: Any) -> None:
    for status in ("SENT", "SENT", "FAILED", "RETRYING"):
        company.outbound(NOON, status)
    company.inbound(NOON)
    company.inbound(NOON, customer="c2")
    company.inbound(NOON, channel="LINE")
    run()
    assert company.stored(YESTERDAY) == company.counted(YESTERDAY)
    assert company.stored(YESTERDAY) | {"handoffs": 0} == {
        "conversations": 3, "messages_in": 3, "messages_out": 2, "messages_failed": 1, "handoffs": 0, "credits_used": 0,
        "docs_ready": 0,
    }  # fmt: skip


def test_credits_handoffs_and_documents_are_counted_too(company: Any, time: Clock) -> None:
    with transaction() as session:
        session.connection().exec_driver_sql("UPDATE workspaces SET monthly_grant = 50 WHERE id = %s", (company.id,))
        grants.grant_this_month(session, company.id)
        credits.use(session, company.id, 7, "a", "a")
        credits.use(session, company.id, 5, "b", "b")
        arrivals.hand_off(session, company.agent, "LINE", "c1", "Angry")
        session.connection().exec_driver_sql(
            """INSERT INTO documents SELECT 'doc_' || %(w)s || n, %(w)s, %(a)s, 'text', 'text', 'T', sha256(n::text::bytea),
               'READY', 1, NULL, NULL, 0, 0, NULL, NULL, NULL, %(at)s + (n - 2) * interval '1 day', now(), now()
               FROM generate_series(1, 3) n""",
            {"w": company.id, "a": company.agent.id, "at": time.moment},
        )
    time.to("2033-03-11T02:00:00+00:00")
    run(date(2033, 3, 10))
    row = company.stored(date(2033, 3, 10))
    assert (row["credits_used"], row["handoffs"], row["docs_ready"], row["conversations"]) == (12, 1, 1, 0)


def test_a_day_is_utcs_from_midnight_to_midnight(company: Any) -> None:
    start = datetime(2033, 3, 9, tzinfo=UTC)
    for moment in (start, start + timedelta(days=1, microseconds=-1)):
        company.inbound(moment)
    for moment in (start - timedelta(microseconds=1), start + timedelta(days=1)):
        company.inbound(moment)
    run()
    assert company.stored(YESTERDAY)["messages_in"] == 2
    assert not any(company.stored(date(2033, 3, 10)).values()), "no day but the one that was asked for"


def test_running_again_changes_nothing_and_dirty_days_replace(company: Any) -> None:
    company.outbound(NOON, "RETRYING")
    name = company.outbound(NOON, "FAILED")
    run()
    before = statement("SELECT ctid, xmin FROM daily_analytics WHERE workspace_id = %(w)s", w=company.id)
    run()
    assert statement("SELECT ctid, xmin FROM daily_analytics WHERE workspace_id = %(w)s", w=company.id) == before
    company.settle(name, "SENT")
    company.inbound(NOON, customer="late")
    run(date(2033, 3, 10))
    assert company.stored(YESTERDAY) == company.counted(YESTERDAY)
    assert marks() == []


def test_what_is_not_there_any_more_is_not_counted_any_more(company: Any) -> None:
    company.inbound(NOON)
    run()
    statement("DELETE FROM inbound_messages WHERE workspace_id = %(w)s", w=company.id)
    run()
    assert statement("SELECT 1 FROM daily_analytics WHERE workspace_id = %(w)s", w=company.id) == []


WRITES = st.lists(
    st.tuples(
        st.sampled_from(["in", "SENT", "FAILED", "RETRYING", "settle", "run", "midnight"]),
        st.integers(0, 6), st.sampled_from(["c1", "c2"]), st.sampled_from(["LINE", "SLACK"]),
    ),
    max_size=30,
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WRITES)
def test_in_any_order_what_is_shown_and_what_is_stored_is_a_fresh_count(
    time: Clock, company: Any, writes: list[tuple[str, int, str, str]]
) -> None:
    for what, days_ago, customer, channel in writes:
        at = time.moment - timedelta(days=days_ago, hours=5)
        retrying = [row for row in company.rows if row[0] == "out" and row[4] == "RETRYING"]
        if what == "in":
            company.inbound(at, customer, channel)
        elif what == "settle":
            if retrying:
                company.settle(retrying[days_ago % len(retrying)][-1], "SENT" if days_ago % 2 else "FAILED")
        elif what == "run":
            run(time.moment.date() - timedelta(days=days_ago))
        elif what == "midnight":
            time.moment += timedelta(days=1)
        else:
            company.outbound(at, what, customer, channel)
        days = company.days()
        assert company.shown(days[-1], days[0]) == {day: company.counted(day) for day in days}
    time.moment += timedelta(days=1)
    for day in reversed(company.days()[1:]):
        run(day)
    assert all(company.stored(day) == company.counted(day) for day in company.days())


def while_recounting(day: date, meanwhile: Callable[[], None]) -> None:
    """Let `meanwhile` happen after the rows of `day` are counted and before that is committed."""
    with transaction() as session:
        rollup.recount(session, day)
        thread = Thread(target=meanwhile)
        thread.start()
        thread.join(25)
        assert not thread.is_alive(), "whoever writes late does not wait for the roll-up"


def test_a_mark_set_while_its_day_is_counted_stays_for_the_next_run(company: Any) -> None:
    company.inbound(NOON)
    run()
    company.inbound(NOON)
    while_recounting(YESTERDAY, lambda: company.inbound(NOON))
    assert company.stored(YESTERDAY)["messages_in"] == 2
    assert marks() == [YESTERDAY]
    assert company.shown(YESTERDAY, YESTERDAY)[YESTERDAY]["messages_in"] == 3
    run(date(2033, 3, 10))
    assert company.stored(YESTERDAY) == company.counted(YESTERDAY)
    assert marks() == []


def test_a_count_that_began_earlier_does_not_overwrite_a_later_one(company: Any) -> None:
    company.inbound(NOON)
    done = Event()

    def later() -> None:
        run()
        done.set()

    with transaction() as session:
        rollup.recount(session, YESTERDAY)
        company.inbound(NOON)
        Thread(target=later).start()
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE '%%recount%%'"
        assert wait_for(lambda: statement(waits)), "it queues up, before it looks at the rows"
    assert done.wait(60)
    assert company.stored(YESTERDAY)["messages_in"] == 2
    assert marks() == []


def test_who_lost_the_lease_leaves_no_trace(company: Any) -> None:
    company.inbound(NOON)
    for day in (YESTERDAY, date(2033, 3, 8)):  # its own day, and a dirty one
        lease = lease_on(day.isoformat())
        statement("UPDATE outbox SET generation = generation + 1 WHERE job = %(job)s", job=lease.job)
        with pytest.raises(LeaseLost):
            rollup.roll_up(lease)
        assert company.stored(YESTERDAY)["messages_in"] == 0
        assert marks() == [YESTERDAY]


def test_killed_between_any_two_days_the_next_run_does_the_rest(company: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for back in range(4):
        company.inbound(NOON - timedelta(days=back))
    recount = rollup.recount
    for days in range(4):
        with monkeypatch.context() as patch:
            left = iter(range(days))

            def dying(session: Any, day: date, left: Any = left) -> None:
                recount(session, day)
                if next(left, None) is None:
                    raise KeyboardInterrupt

            patch.setattr(rollup, "recount", dying)
            with suppress(KeyboardInterrupt):
                rollup.roll_up(lease_on(YESTERDAY.isoformat()))
        assert all(company.shown(d, d)[d] == company.counted(d) for d in company.days())
    run()
    assert all(company.stored(day) == company.counted(day) for day in company.days())
    assert marks() == []


def test_a_day_that_a_clock_that_was_ahead_has_closed_is_not_believed(company: Any, time: Clock) -> None:
    today = time().date()
    ahead = "INSERT INTO rolled_days VALUES (%(day)s, %(at)s)"
    statement(ahead, day=today, at=time() + timedelta(days=1))
    statement(ahead, day=today - timedelta(days=1), at=time() + timedelta(hours=1))
    for day in (0, 1):
        company.inbound(time() - timedelta(days=day))
    statement("DELETE FROM dirty_days")
    shown = company.shown(today - timedelta(days=1), today)
    assert [day["messages_in"] for day in shown.values()] == [1, 1]


def test_today_is_not_over(company: Any) -> None:
    today = date(2033, 3, 10)
    company.inbound(datetime(2033, 3, 10, 9, tzinfo=UTC))
    run(today)
    company.inbound(datetime(2033, 3, 10, 10, tzinfo=UTC))
    assert company.shown(today, today)[today]["messages_in"] == 2


def test_another_workspaces_rows_are_its_own(company: Any) -> None:
    other = type(company).new()
    company.inbound(NOON)
    other.inbound(NOON)
    other.inbound(NOON)
    run()
    assert [who.stored(YESTERDAY)["messages_in"] for who in (company, other)] == [1, 2]
    company.inbound(NOON)
    assert [who.shown(YESTERDAY, YESTERDAY)[YESTERDAY]["messages_in"] for who in (company, other)] == [2, 2]
