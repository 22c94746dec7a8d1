"""How soon the work goes on after a death, a wipe and a stop."""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import psutil
from harness import ROOT, Figure, compare
from jobs.connection import redis
from jobs.ring import ring_due
from sending import DUE, JOB, all_sent, keep, tenant, vendor, webhook_workers

from nightshift.db.session import statement

KILLS = 20
PENDING = 1000
Tell = Callable[[str], bytes]


@contextmanager
def scheduler(environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "scheduler.py"], cwd=ROOT, env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def taken(tell: Tell) -> int:
    """A message is with a worker, whose vendor does not answer: that worker's process id."""
    workspace_id, agent_id = tenant()
    tell("/fail")
    keep(workspace_id, agent_id, 1, 1)
    tell("/hang")
    statement(DUE)
    ring_due(JOB.name, workspace_id)
    while tell("/log") == b"[]":
        time.sleep(0.02)
    owner = statement("SELECT lease_owner FROM work WHERE lease_owner IS NOT NULL")[0].lease_owner
    return int(redis().hget(f"rq:worker:{owner}", "pid"))


def seconds_after(kill: Callable[[], None], tell: Tell) -> float:
    start = time.perf_counter()
    kill()
    tell("/work")
    all_sent()
    return time.perf_counter() - start


def child_killed(environment: dict[str, str], tell: Tell) -> list[Figure]:
    with webhook_workers(environment):
        times = [seconds_after(partial(os.kill, taken(tell), signal.SIGKILL), tell) for _ in range(KILLS)]
    name = f"killed worker to sent, {KILLS} times, supervisor alive"
    return [
        compare(f"{name}, median, against 5 s", statistics.median(times), 5, "s", "<= 1.0"),
        compare(f"{name}, worst, against 5 s", max(times), 5, "s", "<= 1.0"),
    ]


def machine_killed(environment: dict[str, str], tell: Tell) -> Figure:
    """A whole machine's workers die at once; another machine's are there."""
    with webhook_workers(environment) as dying, scheduler(environment):
        family = psutil.Process(dying.pid).children(recursive=True)
        taken(tell)
        with webhook_workers(environment):

            def kill() -> None:
                for process in (psutil.Process(dying.pid), *family):
                    process.kill()

            seconds = seconds_after(kill, tell)
    return compare("a whole machine's workers killed, to sent, against 60 s", seconds, 60, "s", "<= 1.0")


def wiped(environment: dict[str, str], tell: Tell) -> Figure:
    """1,000 messages, and the same 1,000 with a FLUSHALL in the middle."""
    seconds = []
    with webhook_workers(environment), scheduler(environment):
        for wipe in (False, True):
            workspace_id, agent_id = tenant()
            tell("/fail")
            keep(workspace_id, agent_id, PENDING, 1)
            tell("/work")
            statement(DUE)
            start = time.perf_counter()
            ring_due(JOB.name, workspace_id)
            if wipe:
                time.sleep(seconds[0] / 2)
                redis().flushall()
            all_sent()
            seconds.append(time.perf_counter() - start)
    undisturbed, disturbed = seconds
    allowed = 1.5 * undisturbed + 30
    remark = f"undisturbed {undisturbed:.1f} s; allowed 1.5 times that and 30 s"
    return compare("FLUSHALL with 1,000 pending, to all sent", disturbed, allowed, "s", "<= 1.0", remark)


def stopped(environment: dict[str, str], tell: Tell) -> Figure:
    """SIGTERM under load: until every process is gone; then what was left is sent."""
    workspace_id, agent_id = tenant()
    tell("/fail")
    keep(workspace_id, agent_id, PENDING // 2, 1)
    tell("/work")
    with webhook_workers(environment) as supervisor:
        family = psutil.Process(supervisor.pid).children(recursive=True)
        statement(DUE)
        ring_due(JOB.name, workspace_id)
        time.sleep(1)
        start = time.perf_counter()
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(60)
        psutil.wait_procs(family)
        seconds = time.perf_counter() - start
    with webhook_workers(environment), scheduler(environment):
        all_sent()
    lost = len(statement("SELECT 1 FROM messages WHERE status <> 'SENT'"))
    return compare("SIGTERM under load, all gone, against 15 s", seconds, 15, "s", "<= 1.0", f"messages lost: {lost}")


def measure(environment: dict[str, str]) -> list[Figure]:
    with vendor() as tell:
        return [
            *child_killed(environment, tell),
            machine_killed(environment, tell),
            wiped(environment, tell),
            stopped(environment, tell),
        ]
