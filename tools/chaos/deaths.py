"""Processes that are killed, stopped, or all replaced."""

import signal
from contextlib import suppress

import psycopg2
from stage import Fault, Stage, busy_worker, send_signal

LEASE_AND_SWEEP_SECONDS = 60


def kill_worker_child(stage: Stage) -> Fault:
    """One that is at work, where there is one."""
    pid, name = busy_worker(stage)
    if pid:
        send_signal(pid, signal.SIGKILL)
    yield 0
    return name.partition("-")[0] if name else "an idle one"


def kill_supervisor(stage: Stage) -> Fault:
    """Its children are orphans until an init system ends them and starts it again."""
    stage.machine.held.add("worker")
    stage.machine.kill("worker")
    yield (away := stage.rng.choice([0.0, 6.0]) * max(stage.scale, 0.4))
    stage.machine.held.discard("worker")
    return f"its children orphans for {away:.0f} s"


def kill_scheduler(stage: Stage) -> Fault:
    name = stage.rng.choice(["scheduler-1", "scheduler-2"])
    stage.machine.kill(name)
    yield 0
    return name


def kill_web(stage: Stage) -> Fault:
    """A process of gunicorn in the middle of its requests."""
    children = stage.machine.children("web")
    if children:
        send_signal(stage.rng.choice(children).pid, signal.SIGKILL)
    yield 0
    return ""


def kill_redis(stage: Stage) -> Fault:
    stage.machine.kill("redis")
    yield 0
    return ""


def kill_postgres(stage: Stage) -> Fault:
    stage.machine.kill("postgres")
    yield 0
    return ""


def stop_worker(stage: Stage) -> Fault:
    """SIGSTOP until its lease is over and another has its row, then SIGCONT: what it still does must not count."""
    pid, name = busy_worker(stage)
    if not name:
        yield 0
        return "none was at work"
    send_signal(pid, signal.SIGSTOP)
    stopped = 0.0
    while stopped < LEASE_AND_SWEEP_SECONDS and _holds_a_lease(stage, name):
        stopped += 0.5
        yield 0.5
    yield 1.5  # the other one does it meanwhile
    send_signal(pid, signal.SIGCONT)
    return f"{name.partition('-')[0]}, for {stopped + 1.5:.0f} s"


def _holds_a_lease(stage: Stage, name: str) -> bool:
    """In a short run its lease is over now: only the sweep is waited for."""
    with suppress(psycopg2.Error):
        if stage.scale < 1:
            stage.machine.sql("UPDATE work SET lease_until = now() WHERE lease_owner = %s", name)
        return bool(stage.machine.sql("SELECT 1 FROM work WHERE lease_owner = %s", name))
    return True


def deploy(stage: Stage) -> Fault:
    """SIGTERM to everything but the servers, and a start as soon as the last one is gone."""
    names = list(stage.machine.apps)
    stage.machine.held.update(names)
    for name in names:
        stage.machine.kill(name, signal.SIGTERM)
    waited = 0.0
    while any(stage.machine.kept[name].running() for name in names):
        waited += 0.1
        yield 0.1
    stage.machine.held.difference_update(names)
    return f"all gone after {waited:.0f} s"
