"""Faults: processes that are killed, stopped, or all replaced."""

import signal
from collections.abc import Callable
from contextlib import suppress

import psycopg2
from faulting import Fault, Target, busy_worker, send_signal

LEASE_AND_RESCUE_SECONDS = 60


def kill_worker(target: Target) -> Fault:
    """One that runs a job, if there is one."""
    pid, name = busy_worker(target)
    if pid:
        send_signal(pid, signal.SIGKILL)
    yield 0
    return name.partition("-")[0] if name else "an idle one"


def kill_supervisor(target: Target) -> Fault:
    """Its workers are orphans until the supervisor is started again."""
    target.machine.held.add("worker")
    target.machine.kill("worker")
    yield (away := target.rng.choice([0.0, 6.0]) * max(target.scale, 0.4))
    target.machine.held.discard("worker")
    return f"orphans for {away:.0f} s"


def kill_scheduler(target: Target) -> Fault:
    name = target.rng.choice(["scheduler-1", "scheduler-2"])
    target.machine.kill(name)
    yield 0
    return name


def kill_web(target: Target) -> Fault:
    """One of gunicorn's processes, in the middle of its requests."""
    children = target.machine.children("web")
    if children:
        send_signal(target.rng.choice(children).pid, signal.SIGKILL)
    yield 0
    return ""


def kill_server(name: str) -> Callable[[Target], Fault]:
    def fault(target: Target) -> Fault:
        target.machine.kill(name)
        yield 0
        return ""

    return fault


def stop_worker(target: Target) -> Fault:
    """SIGSTOP until its lease has expired and another worker has its row, then SIGCONT: what it still writes must not count."""
    pid, name = busy_worker(target)
    if not name:
        yield 0
        return "none ran a job"
    send_signal(pid, signal.SIGSTOP)
    stopped = 0.0
    while stopped < LEASE_AND_RESCUE_SECONDS and _holds_a_lease(target, name):
        stopped += 0.5
        yield 0.5
    yield 1.5  # the other one runs it meanwhile
    send_signal(pid, signal.SIGCONT)
    return f"{name.partition('-')[0]}, for {stopped + 1.5:.0f} s"


def _holds_a_lease(target: Target, name: str) -> bool:
    """In a short run its lease expires now: only the rescue is waited for."""
    with suppress(psycopg2.Error):
        if target.scale < 1:
            target.machine.sql("UPDATE outbox SET lease_until = now() WHERE lease_owner = %s", name)
        return bool(target.machine.sql("SELECT 1 FROM outbox WHERE lease_owner = %s", name))
    return True


def deploy(target: Target) -> Fault:
    """SIGTERM to everything but the servers, and a start as soon as the last one has ended."""
    names = list(target.machine.apps)
    target.machine.held.update(names)
    for name in names:
        target.machine.kill(name, signal.SIGTERM)
    waited = 0.0
    while any(target.machine.kept[name].running() for name in names):
        waited += 0.1
        yield 0.1
    target.machine.held.difference_update(names)
    return f"all gone after {waited:.0f} s"
