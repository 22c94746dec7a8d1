"""What `make run` says, and the requests to stop that it hears."""

from __future__ import annotations

import signal
from contextlib import suppress
from types import FrameType


def say(line: str) -> None:
    """One line for people, at once. A closed terminal is no reason to stop."""
    with suppress(OSError):
        print(line, flush=True)


class StopRequest:
    """True once Ctrl-C, SIGTERM or a closed terminal asked for it. Asking again changes nothing."""

    def __init__(self) -> None:
        self._made = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # under nohup it stays ignored
                signal.signal(number, self._make)

    def __bool__(self) -> bool:
        return self._made

    def _make(self, number: int, frame: FrameType | None) -> None:
        self._made = True
