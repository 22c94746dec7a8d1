"""How soon the work goes on after a death, a wipe and a stop."""

import os
import signal
import statistics
import time
from collections.abc import Callable
from functools import partial

import ours
import psutil
from figures import Figure, compare
from harness import STOP_SECONDS, Servers, seconds, wait_until
from sending import QUEUE, Tell, all_sent, kept, vendor
from usage import tree

from nightshift.db.session import statement
from runner.connection import redis

KILLS = 20
PENDING = 1000


def start(workspace_id: str) -> None:
    """The kept messages of this workspace are due and dispatched."""
    ours.make_due(ours.MESSAGE_JOB)
    ours.dispatch(ours.MESSAGE_JOB, workspace_id)


def taken(tell: Tell) -> int:
    """A message is with a worker, whose vendor does not answer: that worker's process id."""
    workspace_id = kept(tell, 1, 1)
    tell("/hang")
    start(workspace_id)
    wait_until(lambda: tell("/log") != b"[]")
    return ours.busy_worker_pid()


def seconds_after(kill: Callable[[], None], tell: Tell) -> float:
    def recover() -> None:
        kill()
        tell("/work")
        all_sent()

    return seconds(recover)


def child_killed(servers: Servers, tell: Tell) -> list[Figure]:
    with ours.workers(servers, [QUEUE]):
        times = [seconds_after(partial(os.kill, taken(tell), signal.SIGKILL), tell) for _ in range(KILLS)]
    name = f"killed worker to sent, {KILLS} times, supervisor alive"
    return [
        compare(f"{name}, median, against 5 s", statistics.median(times), 5, "s", "<= 1.0"),
        compare(f"{name}, worst, against 5 s", max(times), 5, "s", "<= 1.0"),
    ]


def machine_killed(servers: Servers, tell: Tell) -> Figure:
    """A whole machine's workers die at once; another machine's are there."""
    with ours.workers(servers, [QUEUE]) as dying, ours.scheduler(servers):
        family = tree(dying.pid)
        taken(tell)
        with ours.workers(servers, [QUEUE]):

            def kill() -> None:
                for process in family:
                    process.kill()

            took = seconds_after(kill, tell)
    return compare("a whole machine's workers killed, to sent, against 60 s", took, 60, "s", "<= 1.0")


def wiped(servers: Servers, tell: Tell) -> Figure:
    """1,000 messages, and the same 1,000 with a FLUSHALL in the middle."""
    undisturbed = sent_within(servers, tell)
    disturbed = sent_within(servers, tell, undisturbed / 2)
    allowed = 1.5 * undisturbed + 30
    remark = f"undisturbed {undisturbed:.1f} s; allowed 1.5 times that and 30 s"
    return compare("FLUSHALL with 1,000 pending, to all sent", disturbed, allowed, "s", "<= 1.0", remark)


def sent_within(servers: Servers, tell: Tell, wipe_after_seconds: float | None = None) -> float:
    workspace_id = kept(tell, PENDING, 1)
    with ours.workers(servers, [QUEUE]), ours.scheduler(servers):
        begun = time.perf_counter()
        start(workspace_id)
        if wipe_after_seconds is not None:
            time.sleep(wipe_after_seconds)
            redis().flushall()
        all_sent()
        return time.perf_counter() - begun


def stopped(servers: Servers, tell: Tell) -> Figure:
    """SIGTERM under load: until every process is gone; then what was left is sent."""
    workspace_id = kept(tell, PENDING // 2, 1)
    with ours.workers(servers, [QUEUE]) as supervisor:
        family = tree(supervisor.pid)
        start(workspace_id)
        time.sleep(1)
        begun = time.perf_counter()
        supervisor.terminate()
        supervisor.wait(STOP_SECONDS)
        psutil.wait_procs(family, STOP_SECONDS)
        took = time.perf_counter() - begun
    with ours.workers(servers, [QUEUE]), ours.scheduler(servers):
        all_sent()
    lost = len(statement("SELECT 1 FROM messages WHERE status <> 'SENT'"))
    return compare("SIGTERM under load, all gone, against 15 s", took, 15, "s", "<= 1.0", f"messages lost: {lost}")


def measure(servers: Servers) -> list[Figure]:
    with vendor() as tell:
        return [
            *child_killed(servers, tell),
            machine_killed(servers, tell),
            wiped(servers, tell),
            stopped(servers, tell),
        ]
