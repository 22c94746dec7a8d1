"""The interface of a channel: it builds the request that sends one part of a message, and reads the vendor's response.

Channels use no network and no database. The sender sends the request unchanged and passes the response back.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from nightshift.channels.report import HookRequest, Report, Watermark
from nightshift.errors import NightshiftError, PermanentError
from nightshift.response import Codes, Response, classify, to_error
from nightshift.settings import settings

HEADER_SAFE = re.compile(r"[!-~]+")  # printable ASCII without a space: no line break, so no header injection
PATH_SAFE = re.compile(r"[A-Za-z0-9_-]+")  # exactly one segment of a URL's path

PathFields = Mapping[str, re.Pattern[str]]


@dataclass(frozen=True)
class TextLimit:
    """A text may have at most `max` of `unit`.

    Units: "characters" (code points), "bytes" (of UTF-8), "utf16" (code units), "escaped" (code points after & < > have
    become &amp; &lt; &gt;).
    """

    max: int
    unit: str


@dataclass(frozen=True)
class Part:
    """One part of a message to one customer.

    `to`: the vendor's id of the customer. `key`: the idempotency key "<message id>/<number>", the same in every attempt.
    `attempts`: how many attempts of this message came before this one. `report_key`: names this part of this attempt, for
    reports about it; `report_url`: where they are to be sent, None where nobody can reach us.
    """

    to: str
    text: str
    key: str
    attempts: int
    report_key: str = ""
    report_url: str | None = None


@dataclass(frozen=True)
class Call:
    """One request; `body` is sent byte for byte.

    `user_named`: a user chose this URL, so it must be sent by nightshift.http.post, which refuses private networks.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes
    user_named: bool = False
    method: str = "POST"


class Moved(NightshiftError):
    """The vendor knows this customer by another id now, `to`: send there, once. The sentence does not contain it."""

    def __init__(self, sentence: str, to: str) -> None:
        super().__init__(sentence)
        self.to = to


class Channel(ABC):
    """One vendor. `name` is the vendor's name for people, `codes` are its error codes, `statuses` its HTTP statuses."""

    type: ClassVar[str]
    name: ClassVar[str]
    fields: ClassVar[tuple[str, ...]]
    where: ClassVar[str]  # people find its credentials
    optional: ClassVar[tuple[str, ...]] = ()  # credentials that may be left out
    limit: ClassVar[TextLimit]
    honours_key: ClassVar[bool] = False  # the vendor drops a second request with the same idempotency key
    reports: ClassVar[bool] = False  # it tells what became of a message
    subscribes: ClassVar[bool] = False  # before that, it asks for our verify token
    in_path: ClassVar[PathFields] = {}  # fields that become a part of the URL
    codes: ClassVar[Codes] = {}
    statuses: ClassVar[Codes] = {}

    def check(self, credentials: Mapping[str, str]) -> None:
        """Raises ValueError, a sentence that begins with the field's name, for a value that cannot be valid."""
        for field in credentials:
            if not self.in_path.get(field, HEADER_SAFE).fullmatch(credentials[field]):
                raise ValueError(f"{field} contains an invalid character: copy it from {self.name} again.")

    def customer(self, given: str) -> str:
        """The one form of this customer's id, which may be written in several."""
        return given

    @abstractmethod
    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        """The request that sends `part`. Raises PermanentError for a customer id that this vendor cannot have."""

    @abstractmethod
    def message_id(self, response: Response, part: Part) -> str:
        """The vendor's id of the message it accepted, "" where the response does not contain one.

        Raises PermanentError, BadCredential, TemporaryError, Moved: a sentence without secrets, addresses or content.
        """

    def probe(self, credentials: Mapping[str, str]) -> Call | None:
        """A harmless request that tells whether the credentials work; None where there is none. `message_id` reads the
        response: it raises the error."""
        return None

    def is_signed(self, credentials: Mapping[str, str], request: HookRequest) -> bool:
        """Whether this request to the hook comes from the vendor: compared in constant time."""
        return False

    def read_reports(self, request: HookRequest) -> Iterator[Report | Watermark]:
        """What the request says; nothing for what is not about messages of ours."""
        return iter(())

    @property
    def base_url(self) -> str:
        return settings().vendor_base_urls[self.type]

    def error_of(
        self, response: Response, code: object = None, wait: float | None = None, scope: str = "account"
    ) -> NightshiftError:
        """The error that this response means: by the vendor's code, else by the HTTP status."""
        meaning = self.codes.get(code) if isinstance(code, int | str) else None
        if meaning is None:
            meaning = classify(response.status, self.name, "this message", self.statuses, code)
        return to_error(meaning, response.headers, wait, scope)

    def reported_error(self, code: object) -> NightshiftError:
        """What the code of a failed delivery means. Without one that is known, sending again does not help."""
        meaning = self.codes.get(code) if isinstance(code, int | str) else None
        which = f" (error {code})" if type(code) is int else ""
        return to_error(meaning or (PermanentError, f"{self.name} could not deliver this message{which}."), {})


def get(url: str, headers: Mapping[str, str]) -> Call:
    return Call(url, headers, b"", method="GET")


def json_call(url: str, payload: Mapping[str, Any], headers: Mapping[str, str]) -> Call:
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Call(url, {"Content-Type": "application/json", **headers}, body)
