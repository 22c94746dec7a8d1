"""The supervisor's own promises, on processes that do nothing else."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest
from programs import runs
from stack import wait_for

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def started(servers: dict[str, str]) -> Iterator[Start]:
    """Supervisors, which a test that fails does not leave behind."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*queues: str) -> subprocess.Popen[bytes]:
        running.append(subprocess.Popen([sys.executable, "worker.py", *queues], cwd=ROOT, stderr=subprocess.DEVNULL))
        return running[-1]

    yield start
    for supervisor in running:
        supervisor.kill()
        supervisor.wait()


@pytest.mark.slow
def test_told_to_stop_while_it_starts_it_stops_and_leaves_nobody(started: Start) -> None:
    supervisor = started("email", "billing")
    family = wait_for(lambda: psutil.Process(supervisor.pid).children())
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(90) == 0
    assert not [child for child in family if runs(child)]


@pytest.mark.slow
def test_when_the_supervisor_is_killed_its_workers_end_by_themselves(started: Start) -> None:
    supervisor = started("email", "billing")
    family = wait_for(lambda: len(c := psutil.Process(supervisor.pid).children()) == 12 and c)
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: not [c for c in family if runs(c)])


@pytest.mark.slow
def test_a_stop_does_not_wait_for_a_rescue(started: Start) -> None:
    supervisor = started("billing")
    family = wait_for(lambda: len(c := psutil.Process(supervisor.pid).children()) == 2 and c)
    with closing(psycopg2.connect(os.environ["DATABASE_URL"])) as connection:
        connection.cursor().execute("LOCK TABLE outbox")  # who rescues a dead worker's rows waits for it
        family[0].kill()
        wait_for(lambda: len(psutil.Process(supervisor.pid).children()) == 2 and not family[0].is_running())
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(90) == 0


@pytest.mark.slow
def test_a_dispatcher_that_dies_is_replaced_and_a_stop_ends_it_too(started: Start) -> None:
    supervisor = started("billing")
    family = wait_for(lambda: len(c := psutil.Process(supervisor.pid).children()) == 2 and c)
    family[1].kill()
    successor = wait_for(lambda: [c for c in psutil.Process(supervisor.pid).children() if c not in family])
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(90) == 0
    assert not successor[0].is_running()


@pytest.mark.slow
def test_a_fork_that_fails_is_tried_again(servers: dict[str, str]) -> None:
    refused = f"""
import errno, os, sys
sys.argv = ["worker.py", "billing"]
fork, refusals = os.fork, iter([True, False, True, True])
def refuse():
    if next(refusals, False):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
    return fork()
os.fork = refuse
sys.path.insert(0, {str(ROOT)!r})
import worker
worker.main(["billing"])
"""
    supervisor = subprocess.Popen([sys.executable, "-c", refused], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: len(psutil.Process(supervisor.pid).children()) == 2)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(90) == 0
        assert supervisor.stderr and supervisor.stderr.read().count("fork failed") == 3
    finally:
        supervisor.kill()
