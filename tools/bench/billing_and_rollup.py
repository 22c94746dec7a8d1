"""The set-based jobs: a day's roll-up and a month's grant, each against one bare SQL statement that does the same."""

import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from threading import Event, Thread

import ours
from figures import Figure, compare
from filling import tell_postgres
from harness import Servers, seconds
from sqlalchemy import text

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
    tables = ("workspaces", "balances", "inbound_messages", "messages", "handoffs", "ledger")
    tell_postgres(f"VACUUM ANALYZE {', '.join(tables)}")


def rollup() -> Figure:
    excluded = ", ".join(f"excluded.{name}" for name in COLUMNS)
    bare = text(BARE_ROLLUP.format(fresh=fresh(), columns=", ".join(COLUMNS), excluded=excluded))

    def one_statement() -> None:
        with transaction() as session:
            session.execute(bare, bounds(DAY, DAY))

    kinds = {"ours": lambda: ours.leased(roll_up, str(DAY)), "bare": one_statement}
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(1 + ROUNDS):
        for kind, act in kinds.items():
            tell_postgres("TRUNCATE daily_analytics, rolled_days")
            times[kind].append(seconds(act))
    best = {kind: min(taken[1:]) for kind, taken in times.items()}  # the first one fills the caches
    assert statement("SELECT count(*) FROM daily_analytics")[0].count == ACTIVE
    name = "roll-up of 100,000 workspaces, 2 M rows, against bare SQL"
    return compare(name, best["ours"], best["bare"], "s", "<= 1.15")


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
    mine = seconds(lambda: ours.leased(grant_month, "2026-03"))
    with someone_who_uses_credits() as waits:
        ours.leased(grant_month, "2026-04")
    remark = f"{len(waits)} uses meanwhile, median {statistics.median(waits) * 1000:.1f} ms"
    return [
        compare("grant to 1 M workspaces, against one bare statement", mine, bare, "s", "<= 2"),
        compare("longest use of credits during a grant, against 1 s", max(waits), 1.0, "s", "<= 1", remark),
    ]


def measure(servers: Servers) -> list[Figure]:
    fill()
    return [rollup(), *grant()]
