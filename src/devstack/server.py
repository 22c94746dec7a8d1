"""What the two embedded servers share: one owner, one process, a socket in a private directory."""

import re
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from devstack import DevstackError, listener
from devstack.home import Account, hold, make_private, outside, remove
from devstack.process import Process, reason_in, stop

START_SECONDS = 60.0
MAX_FAILED_STARTS = 5  # in a row, 6 s: after a kill the last server's children may still be there
# sun_path holds 104 bytes with its NUL on macOS, 108 on Linux. redis-py splits CLIENT INFO, which has the path, at spaces, and
# Postgres the list of its directories at commas.
SOCKET_PATH = re.compile(r"[A-Za-z0-9_./-]{1,103}")


class Server(ABC):
    """One server with its files below `home`. It ends by `stop()`, or with the thread that started it."""

    name: str
    socket_name: str
    stop_signal = signal.SIGTERM
    process: Process  # this and the URL are set by the subclass
    url: str  # for clients; the same before the start and across restarts

    def __init__(self, home: Path) -> None:
        self.home = make_private(home.resolve())
        self.log = self.home / f"{self.name}.log"
        self._lock: TextIO | None = None
        self.account, parent = self._place()
        self.directory = make_private(parent / self.name, self.account)
        self.socket = self.directory / self.socket_name
        if not SOCKET_PATH.fullmatch(str(self.socket)):
            self.socket = make_private(outside(self.home) / self.name, self.account) / self.socket_name

    @abstractmethod
    def answers(self) -> bool:
        """Whether a server accepts clients on the socket, with its recovery done."""

    def start(self, pause: Callable[[float], None] = time.sleep) -> None:
        """Start it and wait until it answers. Harmless when it does already. Raises DevstackError where it cannot start.

        `pause(seconds)` is called while waiting, and ends the wait by raising.
        """
        if not self._lock:
            refusal = f"Another process runs the {self.name} below {self.home}."
            self._lock = hold(self.home / f"{self.name}.lock", refusal)
        if not self.process.running():
            self._prepare()
            self.process.launch()
        deadline = time.monotonic() + START_SECONDS
        while not (self.process.running() and self.answers()):
            if time.monotonic() > deadline or self.process.failures > MAX_FAILED_STARTS:
                self.stop()
                raise self.failed()
            self.process.keep(time.monotonic(), report=lambda _: None)
            pause(0.01)

    def stop(self) -> None:
        """Stop it, with its data on disk. Harmless when it does not run."""
        stop(self.process)
        if self._lock:
            self._lock.close()
            self._lock = None

    def remove(self) -> None:
        """Stop it and delete its home."""
        self.stop()
        remove(self.home)

    def _place(self) -> tuple[Account, Path]:
        """The account that owns its directory, and the directory above it."""
        return {}, self.home

    def _prepare(self) -> None:
        """Before the first launch: stop a server that outlived its owner."""
        listener.end(self.socket, self.stop_signal)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))

    def failed(self) -> DevstackError:
        """One line on why it does not answer."""
        return DevstackError(f"{self.name} is not ready: {reason_in(self.log)} ({self.log})")
