"""Two kinds of failure: one that will be the same tomorrow, and everything else."""

from datetime import datetime

from nightshift import clock


class NightshiftError(Exception):
    """A failure whose message is a sentence for the person who has to act on it: never a secret, never their data."""


class PermanentError(NightshiftError):
    """Trying again cannot help. The job stops now and the sentence is shown."""


class BadCredential(PermanentError):
    """The channel itself is refused, whoever the message is for, until new credentials are put."""


class TemporaryError(NightshiftError):
    """Trying again may help.

    `retry_after_seconds`: how long the other side asked us to stay away, None where it said nothing.
    `scope`: whom that wait holds: "account", all that would go through the same account, or "lane", this customer alone.
    `answer_lost`: the other side may have got what we sent, and done it.
    `at`: when it happened. From then on a wait counts, however long it takes to write it down.
    """

    def __init__(self, sentence: str, retry_after_seconds: float | None = None, *, scope: str = "account") -> None:
        super().__init__(sentence)
        self.retry_after_seconds = retry_after_seconds
        self.scope = scope
        self.answer_lost = False
        self.at = clock.now()


class LeaseLost(Exception):
    """Someone else owns this row now, or it is gone. Whatever this worker did must be rolled back, not recorded."""


class NotYet(Exception):
    """This work may not be done before `until`, for a reason that is not its own: no attempt is used."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until.isoformat())
        self.until = until
