"""Two kinds of failure: permanent, and everything else."""

import re
import time
from datetime import datetime

MAX_CHARACTERS = 500
UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def one_line(text: str, max_characters: int = MAX_CHARACTERS) -> str:
    """Words of someone else's as one short line: what a child process, a vendor or a file says goes into rows and logs."""
    line = UNPRINTABLE.sub(" ", text[: max_characters * 4]).strip()
    return line if len(line) <= max_characters else f"{line[: max_characters - 1]}…"


class NightshiftError(Exception):
    """A failure whose message is a sentence for the person who has to act on it: never a secret, never their data.

    It is one line, and short, whatever it quotes. `http_status`: of the answer that said so, where there was one. `reported`: the
    attempt (its generation) of which a delivery report says so, after the vendor had accepted it; None: the attempt under way.
    """

    http_status: int | None = None
    reported: int | None = None

    def __init__(self, sentence: str = "") -> None:
        super().__init__(one_line(sentence))


class PermanentError(NightshiftError):
    """A retry cannot help. The job stops now and its owner is shown the sentence."""


class BadCredential(PermanentError):
    """The provider refuses the channel account itself, until new credentials are put."""


class TemporaryError(NightshiftError):
    """A retry may help.

    `retry_after_seconds`: how long the provider asked us to wait, None where it said nothing.
    `scope`: what that wait holds: "account", everything that goes through the same account, or "lane", this customer alone.
    `answer_lost`: the provider may have received the request and acted on it.
    `at`: when it happened (monotonic seconds). A wait counts from then on, however long it takes to write it down.
    """

    def __init__(self, sentence: str, retry_after_seconds: float | None = None, *, scope: str = "account") -> None:
        super().__init__(sentence)
        self.retry_after_seconds = retry_after_seconds
        self.scope = scope
        self.answer_lost = False
        self.at = time.monotonic()


class LeaseLost(Exception):
    """The row belongs to another worker now, or is gone. What this worker did must be rolled back, not recorded."""


class Snooze(Exception):
    """This row may not run before `until` (None: at once, by another run), for a reason that is not its own: no attempt is
    used."""

    def __init__(self, until: datetime | None) -> None:
        super().__init__(until.isoformat() if until else "now")
        self.until = until
