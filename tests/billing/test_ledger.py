"""The ledger in any order of grants and uses, and under many at once: what was granted less what was used, at least 0."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from owed import Clock, do, lease_on

from nightshift import clock, workspaces
from nightshift.billing import credits, grants
from nightshift.billing.credits import NotEnough, OtherUsage, Usage
from nightshift.db.models import Workspace
from nightshift.db.session import statement, transaction
from nightshift.errors import LeaseLost

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("use"), st.integers(1, 150), st.integers(0, 6)),
        st.tuples(st.just("grant"), st.integers(1, 5), st.just(0)),
        st.tuples(st.just("change"), st.integers(0, 200), st.integers(0, 120)),
    ),
    max_size=25,
)


def new_workspace(grant: int = 100, threshold: int = 20) -> str:
    with transaction() as session:
        return workspaces.create(session, "Ledger", "x@example.com", grant, threshold)[0].id


def grant_one(workspace_id: str, month: str) -> None:
    with transaction() as session:
        values = {"workspace": workspace_id, **grants._values(month)}
        session.connection().exec_driver_sql(grants.GRANT_ONE, values)


def use(workspace_id: str, amount: int, key: str, reason: str = "test") -> Usage:
    with transaction() as session:
        return credits.use(session, workspace_id, amount, reason, key)


def balance(workspace_id: str) -> int:
    with transaction() as session:
        return credits.show(session, workspace_id).balance


def ledger(workspace_id: str) -> list[tuple[str, str, int]]:
    rows = statement("SELECT kind, key, amount FROM ledger WHERE workspace_id = %(w)s ORDER BY id", w=workspace_id)
    return [tuple(row) for row in rows]


def lows(workspace_id: str) -> list[Any]:
    sql = "SELECT data FROM events WHERE workspace_id = %(w)s AND name = 'credits_low' ORDER BY seq"
    return [row.data for row in statement(sql, w=workspace_id)]


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_in_any_order_the_ledger_is_what_a_model_says(steps: list[tuple[str, int, int]]) -> None:
    workspace = new_workspace()
    grant, threshold, left = 100, 20, 0
    months: set[int] = set()
    used: dict[str, int] = {}
    crossings = 0
    for kind, first, second in steps:
        if kind == "grant":
            grant_one(workspace, f"2031-{first:02}")
            if first not in months and grant:
                months.add(first)
                left += grant
        elif kind == "change":
            grant, threshold = first, second
            with transaction() as session:
                row = session.get_one(Workspace, workspace)
                row.monthly_grant, row.low_threshold = grant, threshold
        else:
            key = f"key {second}"
            expect: Any = (
                OtherUsage if used.get(key, first) != first else None if key in used or left >= first else NotEnough
            )
            if expect:
                with pytest.raises(expect):
                    use(workspace, first, key)
            elif key in used:
                assert use(workspace, first, key).low_since is None
            else:
                crosses = left >= threshold > left - first
                assert bool(use(workspace, first, key).low_since) is crosses
                crossings += crosses
                left -= first
                used[key] = first
        assert balance(workspace) == left == sum(amount for _, _, amount in ledger(workspace))
    assert len(lows(workspace)) == crossings


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.integers(50, 400), st.integers(0, 100))
def test_many_at_once_leave_no_less_than_zero_and_charge_each_key_once(seed: int, grant: int, threshold: int) -> None:
    workspace = new_workspace(grant, threshold)
    chance = random.Random(seed)
    acts: list[Callable[[], Any]] = [lambda m=month: grant_one(workspace, m) for month in ("2031-01", "2031-02") * 3]
    for number in range(40):
        amount = chance.randint(1, 40)
        acts += [lambda n=number, a=amount: use(workspace, a, f"key {n}")] * chance.choice((1, 1, 2))
    chance.shuffle(acts)

    def attempt(act: Callable[[], Any]) -> str:
        try:
            act()
            return "done"
        except NotEnough:
            return "not enough"
        except Exception as error:  # a twin at the same moment: the UNIQUE constraint (by HTTP, _once makes it wait)
            assert "ledger_key" in str(error)
            return "twin"

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attempt, acts))
    entries = ledger(workspace)
    assert balance(workspace) == sum(amount for _, _, amount in entries) >= 0
    assert len({(kind, key) for kind, key, _ in entries}) == len(entries)
    assert [amount for kind, _, amount in entries if kind == "grant"] == [grant, grant]
    assert all(low["balance"] < threshold for low in lows(workspace))
    assert len(lows(workspace)) <= 2, "two grants lift it at most twice"


def test_a_hundred_uses_at_once_of_a_balance_for_ten() -> None:
    workspace = new_workspace(100, 50)
    grant_one(workspace, "2031-01")

    def ten(number: int) -> int:
        try:
            use(workspace, 10, f"key {number}")
            return 1
        except NotEnough as error:
            assert 0 <= error.balance < 10
            return 0

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(ten, range(100))) == 10
    assert balance(workspace) == 0
    assert lows(workspace) == [{"balance": 40, "lowThreshold": 50}], "crossed by one of them"


def test_low_is_told_once_until_it_has_been_back_above() -> None:
    workspace = new_workspace(100, 20)
    grant_one(workspace, "2031-01")
    told = [use(workspace, amount, f"a{n}").low_since for n, amount in enumerate((79, 1, 1, 1, 10))]
    assert [bool(low) for low in told] == [False, False, True, False, False], "at the threshold is not below it"
    grant_one(workspace, "2031-02")
    assert use(workspace, 100, "b").low_since not in (None, told[2])
    assert [low["balance"] for low in lows(workspace)] == [19, 8]


def test_a_month_is_granted_to_all_who_were_there_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Clock("2031-05-10T00:00:00+00:00")
    monkeypatch.setattr(clock, "now", time)
    monkeypatch.setattr(grants, "BATCH", 2)
    old = [new_workspace(n) for n in (0, 10, 20, 30, 40)]
    time.to("2031-06-03T00:00:00+00:00")
    young = new_workspace(50)
    for _ in range(3):
        do(grants.grant_month, "2031-05")
    assert [balance(w) for w in old] == [0, 10, 20, 30, 40]
    assert ledger(young) == [], "it came after that month"
    with transaction() as session:
        grants.grant_this_month(session, young)
    do(grants.grant_month, "2031-06")
    assert ledger(young) == [("grant", "2031-06", 50)]
    assert ledger(old[0]) == [], "a grant of nothing is none"
    assert [balance(w) for w in old] == [0, 20, 40, 60, 80]


@pytest.mark.parametrize(
    ("month", "end"), [("2028-02", "2028-03-01"), ("2027-12", "2028-01-01"), ("2027-01", "2027-02-01")]
)
def test_a_month_ends_where_the_next_begins(month: str, end: str) -> None:
    assert grants._end_of(month).isoformat() == f"{end}T00:00:00+00:00"


@pytest.mark.parametrize("month", ["2027-13", "2027-1", "202701", "", "2027-01-01"])
def test_what_is_no_month_is_granted_to_nobody(month: str) -> None:
    with pytest.raises(ValueError):
        grants.grant_month(lease_on(month))


def test_killed_between_any_two_batches_the_next_run_does_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", Clock("2032-01-05T00:00:00+00:00"))
    made = [new_workspace(7) for _ in range(6)]
    total = statement("SELECT count(*) FROM workspaces")[0].count
    monkeypatch.setattr(grants, "BATCH", max(1, total // 5))
    for batches in range(4):
        with monkeypatch.context() as patch:
            left = iter(range(batches))

            def dying(sql: str, left: Any = left, **values: Any) -> Any:
                if next(left, None) is None:
                    raise KeyboardInterrupt
                return statement(sql, **values)

            patch.setattr(grants, "statement", dying)
            with pytest.raises(KeyboardInterrupt):
                do(grants.grant_month, "2032-01")
    do(grants.grant_month, "2032-01")
    assert [ledger(workspace) for workspace in made] == [[("grant", "2032-01", 7)]] * 6


def test_who_lost_the_lease_ends_without_a_word() -> None:
    lease = lease_on("2031-01")
    statement("UPDATE outbox SET generation = generation + 1 WHERE job = %(job)s", job=lease.job)
    with pytest.raises(LeaseLost):
        grants.grant_month(lease)


def test_balances_and_ledgers_agree_or_the_difference_is_found() -> None:
    workspace = new_workspace(100)
    grant_one(workspace, "2031-01")
    with transaction() as session:
        assert not [row for row in credits.differences(session) if row.workspace_id == workspace]
    statement("UPDATE balances SET balance = 90 WHERE workspace_id = %(w)s", w=workspace)
    with transaction() as session:
        assert tuple(*[r for r in credits.differences(session) if r.workspace_id == workspace]) == (workspace, 90, 100)
    statement("DELETE FROM balances WHERE workspace_id = %(w)s", w=workspace)
    with transaction() as session:
        assert tuple(*[r for r in credits.differences(session) if r.workspace_id == workspace]) == (workspace, 0, 100)
        session.connection().exec_driver_sql("INSERT INTO balances VALUES (%(w)s, 100)", {"w": workspace})
