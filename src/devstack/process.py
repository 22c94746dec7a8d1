"""Child processes that end when we do, whatever ended us, and come back when they end before."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
SETTLED_SECONDS = 10.0  # who lived that long did not die of its start


class Process:
    """One command, started as often as needed, one at a time.

    It has a session of its own, so that Ctrl-C in the terminal does not reach it. On Linux it gets `stop_signal` when
    the thread that launched it ends: launch from the main thread. Without a `log` it writes where we do.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        stop_signal: signal.Signals = signal.SIGTERM,
        log: Path | None = None,
        **popen: Any,
    ) -> None:
        self.name, self._command, self._stop_signal, self._log, self._popen = name, command, stop_signal, log, popen
        self.exit_status: int | None = None  # of the last run; negative: minus the signal
        self._child: subprocess.Popen[bytes] | None = None  # None: not running
        self._launched_at, self._due_at = 0.0, 0.0  # due_at 0: not seen dead
        self._pause_seconds = FIRST_PAUSE_SECONDS

    @property
    def pid(self) -> int | None:
        """None when not running."""
        return self._child.pid if self._child else None

    def launch(self) -> None:
        """Started, not waited for. Only when not running. Raises OSError where there is no such command."""
        self.exit_status = None
        with self._log.open("ab") if self._log else nullcontext() as output:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_dies_with_parent(self._stop_signal),
                **self._popen,
            )

    def running(self) -> bool:
        """False only once nothing it started in its process group is left either."""
        if self._child and self._child.poll() is not None:
            self.kill()
        return self._child is not None

    def keep(self, now: float) -> None:
        """Call often, `now` in monotonic seconds: once it ended it is launched again, the later the more it fails."""
        if self.running():
            if now - self._launched_at > SETTLED_SECONDS:
                self._pause_seconds = FIRST_PAUSE_SECONDS
        elif not self._due_at:
            say(f"{self.name} {self.how_it_ended()}: starting it again.")
            self._due_at = now + self._pause_seconds
            self._pause_seconds = min(self._pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        elif now >= self._due_at:
            self._launched_at, self._due_at = now, 0.0
            with suppress(OSError):  # no memory for a process: tried again
                self.launch()

    def ask_to_stop(self) -> None:
        if self._child and self.running():
            self._child.send_signal(self._stop_signal)

    def kill(self) -> None:
        """Gone, with its group; that once only, as the group's number may be somebody else's afterwards."""
        if self._child:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self.exit_status, self._child = self._child.wait(), None

    def how_it_ended(self) -> str:
        """For people: how the last run ended."""
        status = self.exit_status
        if status is None:
            return "did not start"
        return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"


def stop(*processes: Process, patience_seconds: float = 20) -> None:
    """None of them runs any more. All are asked at once; who has not gone after `patience_seconds` is killed."""
    deadline = time.monotonic() + patience_seconds
    for process in processes:
        process.ask_to_stop()
    while any(process.running() for process in processes) and time.monotonic() < deadline:
        time.sleep(0.01)
    for process in processes:
        process.kill()


def say(line: str) -> None:
    """One line for people, at once. A closed terminal is no reason to stop."""
    with suppress(OSError):
        print(line, flush=True)


def _dies_with_parent(by: signal.Signals) -> Callable[[], None] | None:
    """Runs in the child after it changed its account, which would clear the setting (prctl(2))."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, int(by))
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)

    return tie
