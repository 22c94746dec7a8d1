"""Child processes that end when we end, however we end, and are started again when they end before that."""

import ctypes
import os
import re
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
MAX_PAUSE_SECONDS = 5.0
SETTLED_SECONDS = 10.0  # a process that ran this long started well
ERROR = re.compile(r"\b(FATAL|PANIC|ERROR|error):|Fatal|No space left")


def say(line: str) -> None:
    """Print one line for people. A closed terminal is no reason to stop."""
    with suppress(OSError):
        print(line, flush=True)


def reason_in(log: Path) -> str:
    """The last line of a log that names an error, else its last line."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()] if log.exists() else []
    errors = [line for line in lines if ERROR.search(line)]
    return (errors or lines or ["it said nothing"])[-1].strip()


class Process:
    """One command, of which one process at a time runs.

    The process has its own session: Ctrl-C in the terminal does not reach it. On Linux it gets `stop_signal` when the thread
    that launched it ends: launch from the main thread. Without a `log` it writes to our own output.
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
        self.exit_status: int | None = None  # of the last run; negative: minus the signal that ended it
        self._child: subprocess.Popen[bytes] | None = None  # None: not running
        self.failures = 0  # runs that ended early, in a row
        self._launched_at, self._due_at = 0.0, 0.0  # due_at 0: no launch is due

    @property
    def pid(self) -> int | None:
        """None when not running."""
        return self._child.pid if self._child else None

    def launch(self) -> None:
        """Start it; call only when it is not running. Raises OSError where there is no such command."""
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
        """Whether it runs. When it has ended, what it left in its process group is killed."""
        if self._child and self._child.poll() is not None:
            self.kill()
        return self._child is not None

    def keep(self, now: float, report: Callable[[str], None] = say) -> None:
        """Launch it again when it has ended, after a pause that grows with its failures. Call often (monotonic seconds)."""
        if self.running():
            if now - self._launched_at > SETTLED_SECONDS:
                self.failures = 0
        elif not self._due_at:
            report(f"{self.name} {self.how_it_ended()}: starting it again.")
            self._due_at = now + min(FIRST_PAUSE_SECONDS * 2**self.failures, MAX_PAUSE_SECONDS)
            self.failures += 1
        elif now >= self._due_at:
            self._launched_at, self._due_at = now, 0.0
            with suppress(OSError):  # no memory for a process: tried again
                self.launch()

    def ask_to_stop(self) -> None:
        if self._child and self.running():
            self._child.send_signal(self._stop_signal)

    def kill(self) -> None:
        """Kill it with its group, once: the group's number may be another group's afterwards."""
        if self._child:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self.exit_status, self._child = self._child.wait(), None

    def how_it_ended(self) -> str:
        """How the last run ended, for people."""
        status = self.exit_status
        if status is None:
            return "did not start"
        return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"


def stop(*processes: Process, wait_seconds: float = 20) -> None:
    """Ask all of them to stop at once, and kill those that still run after `wait_seconds`."""
    deadline = time.monotonic() + wait_seconds
    for process in processes:
        process.ask_to_stop()
    while any(process.running() for process in processes) and time.monotonic() < deadline:
        time.sleep(0.01)
    for process in processes:
        process.kill()


def _dies_with_parent(by: signal.Signals) -> Callable[[], None] | None:
    """For the child, after it has changed its account, which would clear the setting (prctl(2))."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, int(by))
        if os.getppid() != parent:  # the parent ended before the line above
            os._exit(1)

    return tie
