"""What a channel is: it builds the one call that sends a piece of a message, and says what the vendor's answer means.

Pure: no network, no database. The sender sends the call as it is and passes the answer back.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from nightshift.errors import NightshiftError, PermanentError, TemporaryError
from nightshift.response import BUSY, Response, retry_after_seconds
from nightshift.settings import settings

HEADER_SAFE = re.compile(r"[!-~]+")  # printable ASCII without a space: no line break, so no header of its own
PATH_SAFE = re.compile(r"[A-Za-z0-9_-]+")  # one segment of a URL's path, and no other one

# What a vendor's code, or an HTTP status, means: the kind of error, and the sentence for a person.
Meaning = tuple[type[PermanentError] | type[TemporaryError], str]
Codes = Mapping[int | str, Meaning]
PathFields = Mapping[str, re.Pattern[str]]


@dataclass(frozen=True)
class TextLimit:
    """A text may be at most `most` of `unit`.

    "characters" are code points, "bytes" those of UTF-8, "utf16" its code units, "escaped" the code points after & < >
    have become &amp; &lt; &gt;.
    """

    most: int
    unit: str


@dataclass(frozen=True)
class Part:
    """One piece of a message for one customer.

    `to`: the vendor's id of the customer. `key`: "<message id>/<number>", the same at every try. `tries`: how many
    tries of this message ended before this one.
    """

    to: str
    text: str
    key: str
    tries: int


@dataclass(frozen=True)
class Call:
    """One POST, complete but for the sending: `body` is sent byte for byte.

    `user_named`: a user named this URL, so it goes through the guarded door of nightshift.http.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes
    user_named: bool = False


class Moved(NightshiftError):
    """The vendor knows this customer under another id now, `to`: send there, once. The sentence does not hold it."""

    def __init__(self, sentence: str, to: str) -> None:
        super().__init__(sentence)
        self.to = to


class Channel(ABC):
    """One vendor. `name` is the vendor's, for people; `codes` are its body's, `statuses` say more than HTTP itself does."""

    type: ClassVar[str]
    name: ClassVar[str]
    fields: ClassVar[tuple[str, ...]]
    limit: ClassVar[TextLimit]
    honours_key: ClassVar[bool] = False  # it drops a second send with the same key
    in_path: ClassVar[PathFields] = {}  # fields that become a part of the URL
    codes: ClassVar[Codes] = {}
    statuses: ClassVar[Codes] = {}

    def check(self, credentials: Mapping[str, str]) -> None:
        """Raises ValueError, a sentence that begins with the field's name, where a value cannot be right."""
        for field in self.fields:
            if not self.in_path.get(field, HEADER_SAFE).fullmatch(credentials[field]):
                raise ValueError(f"{field} holds a character that cannot be right: copy it from {self.name} again.")

    @abstractmethod
    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        """The request that sends `part`. Raises PermanentError for a customer this vendor can have no request for."""

    @abstractmethod
    def judge(self, answer: Response, part: Part) -> str:
        """The vendor's id of the message it accepted, "" where it accepted it and did not say.

        Raises PermanentError, BadCredential, TemporaryError, Moved: a sentence without secret, address or text.
        """

    @property
    def base_url(self) -> str:
        return settings().vendor_base_urls[self.type]

    def refusal(
        self, answer: Response, code: object = None, wait: float | None = None, scope: str = "account"
    ) -> NightshiftError:
        """What this answer means: by the body's code, else by the HTTP status. The longest wait that was named holds."""
        known = self.codes.get(code) if isinstance(code, int | str) else None
        kind, sentence = known or self.statuses.get(answer.status) or self._by_status(answer.status, code)
        if issubclass(kind, TemporaryError):
            waits = [seconds for seconds in (wait, retry_after_seconds(answer.headers)) if seconds is not None]
            return kind(sentence, max(waits, default=None), scope=scope)
        return kind(sentence)

    def _by_status(self, status: int, code: object) -> Meaning:
        which = f"HTTP {status}, error {code}" if type(code) is int and code != status else f"HTTP {status}"
        if status in BUSY:
            return TemporaryError, f"{self.name} is busy ({which})."
        if status >= 500:
            return TemporaryError, f"{self.name} is having trouble ({which})."
        return PermanentError, f"{self.name} refused this message ({which})."


def json_call(url: str, payload: Mapping[str, Any], headers: Mapping[str, str]) -> Call:
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Call(url, {"Content-Type": "application/json", **headers}, body)
