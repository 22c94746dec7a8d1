"""What can go wrong with the embedded servers, said in one line."""

from __future__ import annotations

from nightshift.errors import NightshiftError


class DevstackError(NightshiftError):
    """The servers, or `make run`, cannot start: the sentence says why and what to do."""


class AlreadyRunning(DevstackError):
    """Another process owns this. `note` is what that one wrote into its lock, empty if nothing."""

    def __init__(self, sentence: str, note: str = "") -> None:
        super().__init__(sentence)
        self.note = note
