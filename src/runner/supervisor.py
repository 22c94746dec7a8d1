"""Keeps a fixed set of processes alive: the workers of each queue and one dispatcher. `worker.py` runs it.

It holds no connection and no thread when it forks, so that what it forks is clean. When a worker ends, it tells the
dispatcher, which has its row run again, and forks a successor.
"""

import gc
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from nightshift.db.session import engine, statement
from nightshift.logs import log
from runner.connection import TIMEOUT_SECONDS, connect
from runner.dispatcher import dispatch_due_rows
from runner.registry import QUEUES
from runner.worker import work_on

POLL_SECONDS = 0.1
GENTLE_SECONDS = 8.0  # for the jobs that are running; then they are released
HARD_SECONDS = 12.0  # then the workers that are left are killed
LAST_SECONDS = 14.0  # until then the dispatcher releases what they had: all is over in 15 s
QUICK_DEATH_SECONDS = 2.0  # a process that dies younger than this is restarted after a growing pause
MAX_PAUSE_SECONDS = 5.0


@dataclass
class _Child:
    """One process to keep: the one that runs now, and when to start it again."""

    queue: str | None  # None: the dispatcher
    pid: int = 0
    name: str = ""
    born: float = 0.0
    pause: float = 0.0
    start_at: float = 0.0


@dataclass
class Supervisor:
    """Runs until SIGTERM or SIGINT, then stops within 15 s. `queues`: the names to work on."""

    queues: Sequence[str]
    _children: list[_Child] = field(default_factory=list)
    _deaths: tuple[int, int] = field(default_factory=os.pipe)  # read by the dispatcher, written here
    _stop_at: float | None = None
    _signaled: int = 0  # how many signals the workers got
    _workers_ended: bool = False

    def run(self) -> None:
        self._children = [_Child(queue) for queue in self.queues for _ in range(QUEUES[queue].workers)]
        self._children.append(_Child(None))
        os.set_blocking(self._deaths[1], False)
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._ask_to_stop)
        _warm_up()
        gc.freeze()  # what is loaded stays shared between the children
        while not (self._stop_at and self._stopped()):
            self._collect_dead()
            if self._stop_at is None:
                self._start_missing()
            time.sleep(POLL_SECONDS)

    def _start_missing(self) -> None:
        for child in self._children:
            if not child.pid and not self._stop_at and time.monotonic() >= child.start_at:
                child.name = f"{child.queue or 'dispatcher'}-{socket.gethostname()}-{secrets.token_hex(6)}"
                child.born = time.monotonic()
                pid = self._fork(self._task(child.queue, child.name))
                child.pid, child.start_at = (pid, 0.0) if pid > 0 else (0, time.monotonic() + MAX_PAUSE_SECONDS)

    def _task(self, queue: str | None, name: str) -> Callable[[], None]:
        supervisor = os.getpid()
        if queue is None:
            return lambda: dispatch_due_rows(self.queues, self._deaths[0])
        return lambda: work_on(QUEUES[queue], name, supervisor)

    def _fork(self, task: Callable[[], None]) -> int:
        stops = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # a stop that comes now must not find our handler in the child
        try:
            pid = os.fork()
        except OSError as error:  # no memory, no process: again after a pause
            log("fork failed", logging.ERROR, raised=error)
            pid = -1
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, stops)
            return pid
        status = 1
        try:
            gc.enable()
            os.close(self._deaths[1])
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, stops)
            task()
            status = 0
        except BaseException as error:
            log("process failed", logging.ERROR, raised=error)
        finally:
            os._exit(status)

    def _collect_dead(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for child in self._children:
                if child.pid == pid:
                    self._ended(child, status)

    def _ended(self, child: _Child, status: int) -> None:
        died = self._stop_at is None
        if died or (os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGTERM):
            log("process ended", logging.WARNING, name=child.name, status=status)
        if child.queue:
            with suppress(BlockingIOError):  # the dispatcher waits for Postgres: the lease expires
                os.write(self._deaths[1], f"{child.name} {int(died)}\n".encode())
        quick = time.monotonic() - child.born < QUICK_DEATH_SECONDS
        child.pause = min(MAX_PAUSE_SECONDS, max(0.2, child.pause * 2)) if quick else 0.0
        child.start_at = time.monotonic() + child.pause
        child.pid = 0

    def _ask_to_stop(self, *_: object) -> None:
        """Only noted here: the loop knows which children there are."""
        self._stop_at = self._stop_at or time.monotonic()

    def _stopped(self) -> bool:
        """Whether all have ended. Workers get a signal at once, a second one after 8 s and a last one after 12; the
        dispatcher ends when they have."""
        assert self._stop_at is not None
        self._collect_dead()
        waited = time.monotonic() - self._stop_at
        due = (waited >= 0) + (waited > GENTLE_SECONDS) + (waited > HARD_SECONDS)
        working = [child.pid for child in self._children if child.pid and child.queue]
        if due > self._signaled:
            self._signaled = due
            _signal(working, signal.SIGKILL if due == 3 else signal.SIGTERM)
        if not working and not self._workers_ended:
            self._workers_ended = True
            os.close(self._deaths[1])
        left = [child.pid for child in self._children if child.pid]
        if waited > LAST_SECONDS:  # it waits for Postgres, say: the leases expire
            _signal(left, signal.SIGKILL)
        return not left


def _warm_up() -> None:
    """Do once what each worker does first, so that the memory it takes is shared: 9 MB a worker. Nothing stays open."""
    with suppress(Exception):  # a server that is away is the workers' business
        connection = connect(TIMEOUT_SECONDS)
        connection.ping()
        connection.close()
    with suppress(Exception):
        statement("SELECT 1")
    engine().dispose()


def _signal(pids: Sequence[int], signum: int) -> None:
    for pid in pids:
        os.kill(pid, signum)
