"""What the two embedded servers have in common: one owner, one process, a socket that tells whether it lives."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path

from devstack.errors import AlreadyRunning, DevstackError
from devstack.home import Home
from devstack.lock import Lock
from devstack.process import Process, stop
from devstack.sockets import connects

START_SECONDS = 60.0
RETRY_SECONDS = 0.2


class Server(ABC):
    """Its files are below `home`. It ends with the thread that started it, or by `stop()`."""

    name: str

    def __init__(self, home: Path) -> None:
        self._path = home
        self._lock: Lock | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """For clients, also before the start and across restarts."""

    @property
    @abstractmethod
    def socket(self) -> Path: ...

    @cached_property
    @abstractmethod
    def process(self) -> Process:
        """Not launched yet."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it serves, recovery done."""

    @abstractmethod
    def end_orphan(self) -> None:
        """Stop a server that outlived its owner. Only for who holds the lock."""

    @abstractmethod
    def prepare(self) -> None:
        """Make what a first start needs."""

    @cached_property
    def home(self) -> Home:
        return Home(self._path)

    @cached_property
    def log(self) -> Path:
        return self.home.path / f"{self.name}.log"

    def alive(self) -> bool:
        """Whether it takes connections, whoever started it."""
        return connects(self.socket)

    def begin(self) -> None:
        """Launched, perhaps not ready yet. Raises AlreadyRunning where another one has it."""
        self._own()
        if not self.process.running():
            self.end_orphan()
            if self.log.exists():
                self.log.replace(self.log.with_suffix(".log.1"))
            self.prepare()
            self.process.launch()

    def start(self) -> None:
        """Ready when this returns; harmless when it is. Raises AlreadyRunning or DevstackError."""
        self.begin()
        deadline = time.monotonic() + START_SECONDS
        while not self.ready():
            if time.monotonic() > deadline:
                self.stop()
                raise DevstackError(self.why())
            if not self.process.running():  # the last one's children may still be there: soon they are not
                time.sleep(RETRY_SECONDS)
                self.process.launch()
            time.sleep(0.01)

    def stop(self) -> None:
        """Gone, its data safe on disk. Harmless when it does not run."""
        stop(self.process)
        if self._lock:
            self._lock.release()
            self._lock = None

    def remove(self) -> None:
        """Stopped, and its data deleted. Raises AlreadyRunning where another one has it."""
        self._own()
        self.end_orphan()
        self.stop()
        self.home.remove(self.name)

    def why(self) -> str:
        """One line on why it is not ready: the last thing it said."""
        said = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        last = next((line for line in reversed(said) if line.strip()), "it said nothing")
        return f"{self.name} is not ready: {last} ({self.log})"

    def _own(self) -> None:
        if self._lock is None:
            try:
                self._lock = Lock(self.home.path / f"{self.name}.lock")
            except AlreadyRunning:
                raise AlreadyRunning(f"Another process runs the {self.name} below {self.home.path}.") from None
