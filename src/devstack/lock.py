"""One owner at a time, also after a kill: the kernel gives the lock back when its owner is gone."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from devstack.errors import AlreadyRunning


class Lock:
    """Held from its making until `release()` or the end of this process.

    `note` is left in the file for whoever comes second. Raises AlreadyRunning.
    """

    def __init__(self, path: Path, note: str = "") -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise AlreadyRunning(f"Another process holds {path.name}.", path.read_text()) from None
        os.truncate(self._fd, 0)
        os.write(self._fd, note.encode())

    def still_there(self) -> bool:
        """False once the file was deleted or replaced: then the lock no longer keeps anyone out."""
        try:
            return os.path.samestat(os.fstat(self._fd), self.path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Harmless when repeated."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
