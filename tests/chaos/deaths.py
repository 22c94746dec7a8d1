"""Processes that are killed, stopped, or all replaced."""

from __future__ import annotations

import signal

from stage import Fault, Stage, busy_worker, send_signal


def kill_worker_child(stage: Stage) -> Fault:
    """One that is at work, where there is one."""
    pid = busy_worker(stage)
    if pid:
        send_signal(pid, signal.SIGKILL)
    yield 0
    return f"pid {pid}"


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
    """SIGSTOP until another has its row, then SIGCONT: what it still does must not count."""
    pid = busy_worker(stage)
    if not pid:
        yield 0
        return "none was at work"
    send_signal(pid, signal.SIGSTOP)
    yield (stopped := max(50 * stage.scale, 6))
    send_signal(pid, signal.SIGCONT)
    return f"pid {pid}, {stopped:.0f} s"


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
