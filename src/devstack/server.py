"""What the two embedded servers have in common: one owner, one process, a socket in a private directory."""

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from devstack import DevstackError, listener
from devstack.home import Account, hold, make_private, outside, remove
from devstack.process import Process, stop

START_SECONDS = 60.0
SOCKET_PATH_MAX_BYTES = 103  # sun_path: 104 with its NUL on macOS, 108 on Linux


class Server(ABC):
    """Its files are below `home`. It ends with the thread that started it, or by `stop()`."""

    name: str
    socket_name: str
    stop_signal = signal.SIGTERM
    process: Process  # these two are made by the one server's class
    url: str  # for clients, also before the start and across restarts

    def __init__(self, home: Path) -> None:
        self.home = make_private(home.resolve())
        self.log = self.home / f"{self.name}.log"
        self._lock: TextIO | None = None
        self.account, parent = self._place()
        self.directory = make_private(parent / self.name, self.account)
        self.socket = self.directory / self.socket_name
        if len(os.fsencode(self.socket)) > SOCKET_PATH_MAX_BYTES:
            self.socket = make_private(outside(self.home) / self.name, self.account) / self.socket_name

    @abstractmethod
    def answers(self) -> bool:
        """Whether it serves, recovery done, whoever started it."""

    def start(self, pause: Callable[[float], None] = time.sleep) -> None:
        """It serves when this returns; harmless when it does. Raises DevstackError where it cannot.

        `pause(seconds)` is called between looks, and gives up by raising.
        """
        if not self._lock:
            refusal = f"Another process runs the {self.name} below {self.home}."
            self._lock = hold(self.home / f"{self.name}.lock", refusal)
        if not self.process.running():
            self._prepare()
            self.process.launch()
        deadline = time.monotonic() + START_SECONDS
        while not (self.process.running() and self.answers()):
            if time.monotonic() > deadline:
                self.stop()
                raise DevstackError(self._why())
            self.process.keep(time.monotonic())  # the last one's children may still be there: soon they are not
            pause(0.01)

    def stop(self) -> None:
        """Gone, its data safe on disk. Harmless when it does not run."""
        stop(self.process)
        if self._lock:
            self._lock.close()
            self._lock = None

    def remove(self) -> None:
        """Stopped, and its home deleted."""
        self.stop()
        remove(self.home)

    def _place(self) -> tuple[Account, Path]:
        """Whose its directory is, and below what."""
        return {}, self.home

    def _prepare(self) -> None:
        """Before the first launch: none that outlived its owner is left."""
        listener.end(self.socket, self.stop_signal)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))

    def _why(self) -> str:
        """One line on why it does not serve: the last thing it said."""
        said = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        last = next((line for line in reversed(said) if line.strip()), "it said nothing")
        return f"{self.name} is not ready: {last} ({self.log})"
