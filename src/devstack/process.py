"""Child processes that end when we do, whatever ended us."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devstack.account import Account

PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass
class Process:
    """One command, started as often as needed, one at a time.

    It has a session of its own, so that Ctrl-C in the terminal does not reach it. On Linux it gets `stop_signal` when
    the thread that launched it ends: launch from the main thread.
    """

    name: str
    command: Sequence[str | Path]
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None  # None: our own
    log: Path | None = None  # None: our own stdout and stderr
    cwd: Path | None = None
    env: Mapping[str, str] | None = None
    before_launch: Callable[[], None] = lambda: None
    pid: int | None = field(default=None, init=False)  # None: not running
    exit_status: int | None = field(default=None, init=False)  # of the last run, negative: minus the signal
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def launch(self) -> None:
        """Started, not waited for. Only when not running. Raises OSError where there is no such command."""
        self.before_launch()
        with ExitStack() as stack:
            output: dict[str, Any] = {}
            if self.log:
                output = {"stdout": stack.enter_context(self.log.open("ab")), "stderr": subprocess.STDOUT}
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_dies_with_parent(self.stop_signal),
                cwd=self.cwd,
                env=self.env,
                **output,
                **(self.account.popen_arguments() if self.account else {}),
            )
        self.pid, self.exit_status = self._child.pid, None

    def running(self) -> bool:
        """False only once nothing it started in its process group is left either."""
        if self.pid is None:
            return False
        assert self._child
        if self._child.poll() is not None:
            self._bury(self.pid)
        return self.pid is not None

    def ask_to_stop(self) -> None:
        if self._child and self.running():
            self._child.send_signal(self.stop_signal)

    def wait_or_kill(self, patience_seconds: float) -> None:
        """It has ended, by itself within the patience or killed."""
        if self._child and self.pid:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(patience_seconds)
            self._bury(self.pid)

    def how_it_ended(self) -> str:
        """For people: how the last run ended."""
        status = self.exit_status
        if status is None:
            return "did not start"
        return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"

    def _bury(self, group: int) -> None:
        """Kill what is left of the group, once: afterwards the number may be somebody else's."""
        assert self._child
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        self.exit_status, self.pid = self._child.wait(), None


def stop(*processes: Process, patience_seconds: float = 20) -> None:
    """None of them runs any more. All are asked at once; who has not gone after `patience_seconds` is killed."""
    deadline = time.monotonic() + patience_seconds
    for process in processes:
        process.ask_to_stop()
    for process in processes:
        process.wait_or_kill(max(0.0, deadline - time.monotonic()))


def _dies_with_parent(by: signal.Signals) -> Callable[[], None] | None:
    """Runs in the child after it changed its account, which would clear the setting (prctl(2))."""
    if not sys.platform.startswith("linux"):
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, int(by))
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)

    return tie
