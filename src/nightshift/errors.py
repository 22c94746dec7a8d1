"""Two kinds of failure: one that will be the same tomorrow, and everything else."""

from __future__ import annotations


class NightshiftError(Exception):
    """A failure whose message is a sentence for the person who has to act on it: never a secret, never their data."""


class PermanentError(NightshiftError):
    """Trying again cannot help. The job stops now and the sentence is shown."""


class TemporaryError(NightshiftError):
    """Trying again may help.

    `retry_after_seconds`: how long the other side asked us to stay away, None where it said nothing.
    """

    def __init__(self, sentence: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after_seconds = retry_after_seconds


class LeaseLost(Exception):
    """Someone else owns this row now, or it is gone. Whatever this worker did must be rolled back, not recorded."""
