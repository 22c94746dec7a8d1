"""The set-based jobs: a day's roll-up and a month's grant, each against one bare SQL statement that does the same."""

import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from threading import Event, Thread

from harness import Figure, compare
from nightshift.work import Lease
from sqlalchemy import text

from nightshift import work
from nightshift.analytics.counts import COLUMNS, bounds, fresh
from nightshift.analytics.rollup import roll_up
from nightshift.billing.credits import USE
from nightshift.billing.grants import GRANT, _values, grant_month
from nightshift.db.session import engine, statement, transaction

WORKSPACES = 1_000_000
ACTIVE = 100_000  # of them have something to roll up
DAY = date(2026, 11, 20)
ROUNDS = 3  # of which the quickest counts

FILL = """
    SET LOCAL session_replication_role = replica; -- no foreign keys looked up while filling
    INSERT INTO workspaces SELECT 'bench_' || n, 'Bench', 'x@example.com', 100, 10, 0, '2026-01-01'
    FROM generate_series(1, {workspaces}) n;
    INSERT INTO balances SELECT id, 1 FROM workspaces WHERE id LIKE 'bench%%';
    INSERT INTO inbound_messages
    SELECT 'inb_' || day || n, 'bench_' || n %% {active}, 'agent', 'SLACK', 'C' || n / {active} %% 5, 'Hello',
           day + n %% 86400 * interval '1 second', day
    FROM generate_series(1, 1100000) n, (VALUES ('2026-11-19Z'::timestamptz), ('2026-11-20Z')) days (day);
    INSERT INTO messages
    SELECT 'msg_' || day || n, 'bench_' || n %% {active}, 'agent', 'SLACK', 'C' || n / {active} %% 5, 'Hi',
           CASE WHEN n %% 20 = 0 THEN 'FAILED' ELSE 'SENT' END, '{{}}', NULL, day + n %% 86400 * interval '1 second', day
    FROM generate_series(1, 700000) n, (VALUES ('2026-11-19Z'::timestamptz), ('2026-11-20Z')) days (day);
    INSERT INTO handoffs
    SELECT 'hnd_' || n, 'bench_' || n %% {active}, 'agent', 'SLACK', 'C1', 'Asked', '2026-11-20Z'
    FROM generate_series(1, 50000) n;
    INSERT INTO ledger (workspace_id, kind, key, amount, reason, created_at)
    SELECT 'bench_' || n %% {active}, 'usage', 'bench ' || n, -1, 'Answer', '2026-11-20Z' FROM generate_series(1, 150000) n;
"""
BARE_ROLLUP = """
    SET LOCAL work_mem = '64MB'; -- as the roll-up has it
    INSERT INTO daily_analytics AS d (day, workspace_id, {columns}) SELECT day, workspace_id, {columns} FROM ({fresh}) f
    ON CONFLICT (day, workspace_id) DO UPDATE SET ({columns}) = ({excluded})
    WHERE (d.conversations, d.messages_in) IS DISTINCT FROM (excluded.conversations, excluded.messages_in)
"""
BARE_GRANT = GRANT.format(which="TRUE")


def fill() -> None:
    with engine().begin() as connection:
        connection.exec_driver_sql(FILL.format(workspaces=WORKSPACES, active=ACTIVE))
    for table in ("workspaces", "balances", "inbound_messages", "messages", "handoffs", "ledger"):
        statement(f"VACUUM ANALYZE {table}")


def leased(do: Callable[[Lease], None], row_id: str) -> None:
    """As a worker does it: claim, do, finish."""
    with transaction() as session:
        work.order(session, "bench_time", row_id, "")
    lease = work.claim("bench_time", row_id, "bench")
    assert lease
    do(lease)


def seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def rollup() -> Figure:
    excluded = ", ".join(f"excluded.{name}" for name in COLUMNS)
    bare = text(BARE_ROLLUP.format(fresh=fresh(), columns=", ".join(COLUMNS), excluded=excluded))

    def one_statement() -> None:
        with transaction() as session:
            session.execute(bare, bounds(DAY, DAY))

    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * ROUNDS + 2):
        statement("TRUNCATE daily_analytics, rolled_days")
        ours = bool(number % 2)
        taken = seconds((lambda: leased(roll_up, str(DAY))) if ours else one_statement)
        if number > 1:
            times[ours].append(taken)
    assert statement("SELECT count(*) FROM daily_analytics")[0].count == ACTIVE
    name = "roll-up of 100,000 workspaces, 2 M rows, against bare SQL"
    return compare(name, min(times[True]), min(times[False]), "s", "<= 1.15")


@contextmanager
def someone_who_uses_credits() -> Iterator[list[float]]:
    """Uses one credit of some workspace after the other all the while: the seconds each use took."""
    waits: list[float] = []
    stop = Event()

    def use() -> None:
        for number in iter(lambda: 0 if stop.is_set() else len(waits) + 1, 0):
            workspace = f"bench_{random.randint(1, WORKSPACES)}"
            start = time.perf_counter()
            with transaction() as session:
                values = dict(
                    workspace=workspace, amount=1, reason="Answer", key=f"{start} {number}", now="2026-11-20Z"
                )
                session.execute(USE, values)
            waits.append(time.perf_counter() - start)

    thread = Thread(target=use)
    thread.start()
    yield waits
    stop.set()
    thread.join()


def grant() -> list[Figure]:
    bare = seconds(lambda: statement(BARE_GRANT, **_values("2026-02")))
    ours = seconds(lambda: leased(grant_month, "2026-03"))
    with someone_who_uses_credits() as waits:
        leased(grant_month, "2026-04")
    remark = f"{len(waits)} uses meanwhile, median {statistics.median(waits) * 1000:.1f} ms"
    return [
        compare("grant to 1 M workspaces, against one bare statement", ours, bare, "s", "<= 2"),
        compare("longest use of credits during a grant, against 1 s", max(waits), 1.0, "s", "<= 1", remark),
    ]


def measure() -> list[Figure]:
    fill()
    return [rollup(), *grant()]
