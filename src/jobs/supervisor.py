"""Keeps a fixed set of processes alive: one worker a slot, one for RQ's delayed retries. `worker.py` runs it.

It holds no connection and no thread, so that what it forks is clean. When a child dies it forks a reaper, which gives
the dead one's job back, and then a successor.
"""

import gc
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from jobs.delayed import enqueue_delayed
from jobs.queues import QUEUES
from jobs.recover import reap
from jobs.slot import work_on
from nightshift.logs import log, where

POLL_SECONDS = 0.1
GENTLE_SECONDS = 8.0  # for the jobs that are running; then they are given back
HARD_SECONDS = 12.0  # then whoever is left is killed
LAST_SECONDS = 14.0  # until then it is given back what they had: all is over in 15 s
QUICK_DEATH_SECONDS = 2.0  # a child that dies younger than this is restarted with a growing pause
LONGEST_PAUSE_SECONDS = 5.0


@dataclass
class _Child:
    """One place to fill: the process in it now, and when to fill it again."""

    queue: str | None  # None: the process for delayed retries
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
    _reapers: dict[int, tuple[str, bool]] = field(default_factory=dict)
    _stop_at: float | None = None
    _told: bool = False

    def run(self) -> None:
        self._children = [_Child(queue) for queue in self.queues for _ in range(QUEUES[queue].workers)]
        self._children.append(_Child(None))
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._ask_to_stop)
        gc.collect()
        gc.freeze()  # what is loaded stays shared: a child has about 8 MB of its own
        while not (self._stop_at and self._stopped()):
            self._bury_dead()
            if self._stop_at is None:
                self._fill_places()
            time.sleep(POLL_SECONDS)

    def _fill_places(self) -> None:
        for child in self._children:
            if not child.pid and not self._stop_at and time.monotonic() >= child.start_at:
                child.name = f"{child.queue or 'delayed'}-{socket.gethostname()}-{secrets.token_hex(6)}"
                child.born = time.monotonic()
                child.pid = self._fork(self._task(child.queue, child.name))

    def _task(self, queue: str | None, name: str) -> Callable[[], None]:
        supervisor = os.getpid()
        if queue is None:
            return lambda: enqueue_delayed(self.queues, supervisor)
        return lambda: work_on(queue, name, supervisor)

    def _fork(self, task: Callable[[], None]) -> int:
        stops = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # a stop that comes now must not find our handler in the child
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, stops)
            return pid
        status = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, stops)
            task()
            status = 0
        except BaseException as error:
            log("process failed", logging.ERROR, error=where(error))
        finally:
            os._exit(status)

    def _bury_dead(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid in self._reapers:
                name, died = self._reapers.pop(pid)
                if status and self._stop_at is None:
                    time.sleep(POLL_SECONDS)
                    self._reap(name, died)  # Postgres or Redis was away: until it works
                continue
            for child in self._children:
                if child.pid == pid:
                    self._bury(child, status)

    def _bury(self, child: _Child, status: int) -> None:
        gently = self._stop_at is not None and not os.WIFSIGNALED(status)
        if not gently:
            log("worker ended", logging.WARNING, worker=child.name, status=status)
        if child.queue and not gently:
            self._reap(child.name, died=self._stop_at is None)
        quick = time.monotonic() - child.born < QUICK_DEATH_SECONDS
        child.pause = min(LONGEST_PAUSE_SECONDS, max(0.2, child.pause * 2)) if quick else 0.0
        child.start_at = time.monotonic() + child.pause
        child.pid = 0

    def _reap(self, name: str, died: bool) -> None:
        self._reapers[self._fork(lambda: reap(name, died))] = (name, died)

    def _ask_to_stop(self, *_: object) -> None:
        """Only noted here: the loop knows which children there are."""
        self._stop_at = self._stop_at or time.monotonic()

    def _stopped(self) -> bool:
        """Everyone gone? They hear a signal at once, those who are still there a second one after 8 s, a last one after 12."""
        assert self._stop_at is not None
        if not self._told:
            self._told = True
            self._signal(signal.SIGTERM)
        self._bury_dead()
        waited = time.monotonic() - self._stop_at
        if waited > HARD_SECONDS:
            self._signal(signal.SIGKILL)
        elif waited > GENTLE_SECONDS:
            self._signal(signal.SIGTERM)
        if waited > LAST_SECONDS:
            for reaper in self._reapers:  # waiting for Postgres, say: the sweep gives back what it could not
                os.kill(reaper, signal.SIGKILL)
        return not any(child.pid for child in self._children) and not self._reapers

    def _signal(self, signum: int) -> None:
        for child in self._children:
            if child.pid:
                os.kill(child.pid, signum)
