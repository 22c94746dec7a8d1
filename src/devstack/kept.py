"""A process that is started again whenever it ends."""

from __future__ import annotations

from contextlib import suppress

from devstack.console import say
from devstack.process import Process

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
SETTLED_SECONDS = 10.0  # who lived that long did not die of its start


class Kept:
    """Call `tick` often: it looks, says what happened, and starts again after a pause that grows while starts fail."""

    def __init__(self, process: Process, now: float) -> None:
        self.process = process
        self._launched_at = now
        self._pause_seconds = 0.0
        self._due_at: float | None = None

    def tick(self, now: float) -> None:
        """`now`: monotonic seconds."""
        if self.process.running():
            return
        if self._due_at is None:
            self._pause_seconds = self._next_pause(now - self._launched_at)
            self._due_at = now + self._pause_seconds
            say(f"{self.process.name} {self.process.how_it_ended()}: starting it again.")
        elif now >= self._due_at:
            self._due_at, self._launched_at = None, now
            with suppress(OSError):  # no memory for a process: the next tick tries again
                self.process.launch()

    def _next_pause(self, lived_seconds: float) -> float:
        if lived_seconds > SETTLED_SECONDS or not self._pause_seconds:
            return FIRST_PAUSE_SECONDS
        return min(self._pause_seconds * 2, LONGEST_PAUSE_SECONDS)
