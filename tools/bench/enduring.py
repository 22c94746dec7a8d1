"""Nine troubles, in the cells of a public benchmark of Postgres job queues: `make bench ONLY=enduring SECONDS=60 RATE=80`.

Rows are enqueued at a steady rate; two machines' workers (ten each) and two schedulers are there. Each cell has a quiet phase,
the trouble, and a recovery, of SECONDS each. Figures are rates at which rows are done, against the quiet phase. The remark says
what was lost, and what was called twice: these jobs have no key by which their server could tell.
"""

import json
import os
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

import ours
import psutil
import psycopg2
from bench_job import NAMES
from figures import Figure, compare, table
from harness import Servers, slow_vendor, wait_until
from sqlalchemy.exc import SQLAlchemyError
from usage import tree

from nightshift.db.session import statement
from runner.connection import redis

SECONDS = float(os.environ.get("SECONDS") or 60)
QUEUE, WORKSPACES = "email", 40
RATE = float(os.environ.get("RATE") or 80)  # rows a second
EVERY_SECONDS, BATCH = 0.1, 10  # between two looks, and rows in one transaction at most
JOB = NAMES[QUEUE]
READERS, IDLE = 4, 300
DONE = """
    SELECT count(*) AS n FROM outbox WHERE job = %(job)s AND state = 'done'
    AND updated_at BETWEEN to_timestamp(%(since)s) AND to_timestamp(%(until)s)
"""
DONE_OF = "SELECT count(*) AS n FROM outbox WHERE job = %(job)s AND row_id = ANY (%(rows)s) AND state = 'done'"
NOT_DONE = "SELECT count(*) AS n FROM outbox WHERE job = %(job)s AND state <> 'done'"
READ = """
    BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*), max(updated_at) FROM outbox; SELECT pg_sleep(1); COMMIT
"""
BUSY = "datname = current_database() AND pid <> pg_backend_pid() AND state IN ('active', 'idle in transaction')"
KILL = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {BUSY}"


class Load:
    """Enqueues rows until it is stopped; while Postgres is away it tries again."""

    def __init__(self) -> None:
        self.rate = RATE
        self.accepted: list[str] = []  # ids of rows
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        owed, before = 0.0, time.monotonic()
        while not self._over.wait(EVERY_SECONDS):
            now = time.monotonic()
            owed, before = owed + self.rate * (now - before), now
            while owed >= 1 and not self._over.is_set():
                names = [f"row_{time.monotonic_ns()}_{number}" for number in range(min(BATCH, int(owed)))]
                try:
                    ours.enqueue(JOB, names, f"ws_{len(self.accepted) % WORKSPACES}", due_in=0)
                except SQLAlchemyError:
                    break
                self.accepted += names
                owed -= len(names)


class Installation:
    """Two machines' workers and two schedulers, each of which can be killed, stopped and started again."""

    def __init__(self, servers: Servers, url: str, programs: ExitStack) -> None:
        self.servers, self._programs, self._env = servers, programs, {"BENCH_URL": url}
        self.schedulers = [programs.enter_context(ours.scheduler(servers)) for _ in range(2)]
        self.machines = [self._machine() for _ in range(2)]
        self.load = Load()

    def family(self) -> list[psutil.Process]:
        """The first machine: its supervisor, its workers, and a scheduler."""
        return [*tree(self.machines[0].pid), psutil.Process(self.schedulers[0].pid)]

    def kill(self) -> None:
        for process in tree(self.machines[0].pid):
            process.kill()

    def start_again(self) -> None:
        self.machines[0] = self._machine()

    def _machine(self) -> object:
        return self._programs.enter_context(ours.workers(self.servers, [QUEUE], "post", self._env))


def postgres_restart(there: Installation) -> None:
    there.servers.postgres.stop()
    time.sleep(SECONDS / 2)
    there.servers.postgres.start()
    time.sleep(SECONDS / 2)


def backend_kills(there: Installation) -> None:
    """Twice a second every session that is at work."""
    with _session(there) as run:
        _again_and_again(0.5, lambda: run(KILL))


def pool_exhaustion(there: Installation) -> None:
    """300 idle sessions, or as many as Postgres has left."""
    with ExitStack() as held:

        def fill() -> None:
            with suppress(psycopg2.OperationalError):
                while len(taken) < IDLE:
                    taken.append(held.enter_context(closing(psycopg2.connect(there.servers.postgres.url))))

        taken: list[object] = []
        _again_and_again(0.5, fill)


def crash(there: Installation) -> None:
    """A machine is killed; the other one goes on alone."""
    there.kill()
    time.sleep(SECONDS)


def repeated_kills(there: Installation) -> None:
    for _ in range(3):
        there.kill()
        there.start_again()
        time.sleep(SECONDS / 3)


def leader_partition(there: Installation) -> None:
    """A machine and a scheduler hear and do nothing, then wake up and go on with what they held; Redis is emptied meanwhile."""
    family = there.family()
    for process in family:
        process.suspend()
    time.sleep(SECONDS / 2)
    redis().flushall()
    time.sleep(SECONDS / 2)
    for process in family:
        process.resume()


def held_transaction(there: Installation) -> None:
    with _session(there) as run:
        run("BEGIN; SELECT pg_current_xact_id()")
        time.sleep(SECONDS)


def readers(there: Installation) -> None:
    """Four that read the outbox again and again, each in a snapshot of its own."""
    ends = time.monotonic() + SECONDS

    def read() -> None:
        with _session(there) as run:
            while time.monotonic() < ends:
                run(READ)

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def overload(there: Installation) -> None:
    """Half as much again is enqueued."""
    there.load.rate *= 1.5
    time.sleep(SECONDS)
    there.load.rate /= 1.5


CHAOS = {
    "Postgres away for half of the time": postgres_restart, "every busy session ended twice a second": backend_kills,
    "no connection left": pool_exhaustion, "one of two machines killed": crash, "a machine killed three times": repeated_kills,
    "a machine and the leading scheduler stopped, Redis emptied": leader_partition,
}  # fmt: skip
PRESSURE = {
    "a transaction held open": held_transaction, "four readers of the outbox": readers, "1.5 times the load": overload
}  # fmt: skip


def measure(servers: Servers) -> list[Figure]:
    cells = [*CHAOS.items(), *PRESSURE.items()]
    with slow_vendor() as url:
        return [figure for cell in cells for figure in _told(_cell(servers, url, *cell))]


def _told(figures: list[Figure]) -> list[Figure]:
    """A cell takes minutes."""
    print(table(figures), file=sys.stderr, flush=True)
    return figures


def _cell(servers: Servers, url: str, name: str, trouble: Callable[[Installation], None]) -> list[Figure]:
    statement("DELETE FROM outbox WHERE job = %(job)s", job=JOB)
    redis().flushall()
    _ask(url, "fail"), _ask(url, "work")  # which empties its log
    with ExitStack() as programs:
        there = Installation(servers, url, programs)
        time.sleep(5)
        begun = time.time()
        time.sleep(SECONDS)
        struck = time.time()
        trouble(there)
        over = time.time()
        if trouble is crash:
            there.start_again()
        time.sleep(SECONDS)
        end = time.time()
        there.load.stop()
        drained = _drain()
        done = statement(DONE_OF, job=JOB, rows=there.load.accepted)[0].n
    calls = [body["row"] for body in json.loads(_ask(url, "log"))]
    quiet, during, after = _rate(begun, struck), _rate(struck, over), _rate(over, end)
    remark = (
        f"lost {len(there.load.accepted) - done} of {len(there.load.accepted)}, "
        f"called twice {len(calls) - len(set(calls))}; the rest done {drained:.1f} s after the load's end"
    )
    return [
        compare(f"{name}, meanwhile", during, quiet, "jobs/s", "", remark),
        compare(f"{name}, afterwards", after, quiet, "jobs/s", ">= 0.95" if trouble in CHAOS.values() else ""),
    ]


def _drain() -> float:
    begun = time.monotonic()
    with suppress(TimeoutError):
        wait_until(lambda: statement(NOT_DONE, job=JOB)[0].n == 0)
    return time.monotonic() - begun


def _rate(since: float, until: float) -> float:
    return float(statement(DONE, job=JOB, since=since, until=until)[0].n) / (until - since)


def _again_and_again(every: float, act: Callable[[], object]) -> None:
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        act()
        time.sleep(every)


@contextmanager
def _session(there: Installation) -> Iterator[Callable[[str], None]]:
    with closing(psycopg2.connect(there.servers.postgres.url)) as connection:
        connection.autocommit = True
        yield connection.cursor().execute


def _ask(url: str, path: str) -> bytes:
    with urllib.request.urlopen(url + path) as answer:
        return bytes(answer.read())
