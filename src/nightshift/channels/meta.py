"""The base of WhatsApp, Messenger and Instagram: Meta's Graph API and its error codes."""

import hmac
import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, ClassVar

from nightshift.channels.base import Call, Channel, Part, get, json_call
from nightshift.channels.report import HookRequest, Report, Watermark, moment
from nightshift.channels.vendor_json import dig, id_of, seconds_of, walk
from nightshift.errors import BadCredential, NightshiftError, PermanentError, TemporaryError
from nightshift.response import Codes, Meaning, Response, to_error

REFUSED = "Meta no longer accepts this channel's access token. Set a new one."
NO_PERMISSION = "Meta denied access: the access token lacks a permission, or the app's access was withdrawn."
WRONG = "Meta rejected the request, most likely because of the customer's id."
BUSY = "Too many messages were sent through this channel. Meta asks us to slow down."
TROUBLE = "Meta is having trouble."
WINDOW = "The customer last wrote too long ago: the messaging window is closed."
MIN_SUBCODE = 1_000_000  # from here on a subcode has a meaning of its own; a smaller one depends on its code
GONE = (PermanentError, "This customer cannot be reached now: they may have blocked the account or left.")
USAGE = "x-business-use-case-usage"  # a header: of each product, the minutes until its limit is over


def each(codes: Iterable[int], meaning: Meaning) -> dict[int | str, Meaning]:
    return dict.fromkeys(codes, meaning)


COMMON: Codes = {
    **each([0, 102, 190], (BadCredential, REFUSED)),
    100: (PermanentError, WRONG),
    **each([10, *range(200, 300)], (PermanentError, NO_PERMISSION)),
    **each([1, 2], (TemporaryError, TROUBLE)),
    # limits of an app, a user, a page; 80000 and up: of each of Meta's products
    **each([4, 17, 32, 341, 613, *range(80_000, 80_015)], (TemporaryError, BUSY)),
}

PAGE: Codes = {  # Messenger and Instagram
    **COMMON,
    **each([551, 1545041], GONE),
    2018028: (
        PermanentError,
        "The Meta app is not live, or not reviewed: it can only write to people who have a role in it.",
    ),
    2018300: (
        PermanentError,
        "Another app has this conversation at the moment. It must pass it on before we can write.",
    ),
    2018001: (PermanentError, "This channel has no customer with this id."),
    2018108: (PermanentError, "This customer does not accept messages from this channel."),
    **each([2018065, 2018278], (PermanentError, WINDOW)),
    368: (PermanentError, "Meta has blocked this account from sending for breaking its policies."),
    1200: (TemporaryError, TROUBLE),
}


class MetaChannel(Channel):
    """POST to `path` of the Graph API. The token is sent as a Bearer: in the URL it would end up in logs.

    Reports are signed with the secret of the Meta app; without it none are believed.
    """

    optional = ("appSecret",)
    reports = True
    subscribes = True
    id_path: ClassVar[tuple[str | int, ...]]

    @abstractmethod
    def payload(self, part: Part) -> Mapping[str, object]: ...

    def path(self, credentials: Mapping[str, str]) -> str:
        return "me/messages"

    def account(self, credentials: Mapping[str, str]) -> str:
        """Where the Graph API shows whose token this is."""
        return "me"

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        return json_call(f"{self.base_url}/{self.path(credentials)}", self.payload(part), self._bearer(credentials))

    def probe(self, credentials: Mapping[str, str]) -> Call:
        return get(f"{self.base_url}/{self.account(credentials)}?fields=id", self._bearer(credentials))

    def is_signed(self, credentials: Mapping[str, str], request: HookRequest) -> bool:
        """By X-Hub-Signature-256, over the very bytes of the body."""
        secret = credentials.get("appSecret", "").encode()
        expected = "sha256=" + hmac.new(secret, request.body, sha256).hexdigest()
        given = request.headers.get("x-hub-signature-256", "")
        return bool(secret) and hmac.compare_digest(expected.encode(), given.encode())

    def message_id(self, response: Response, part: Part) -> str:
        body = response.vendor_json(self.name)
        error = body.get("error")
        if response.ok and not error:
            return id_of(dig(body, *self.id_path))
        code = self._code(error)
        if dig(error, "is_transient") is True and not (isinstance(code, int) and code in self.codes):
            raise to_error((TemporaryError, f"{TROUBLE[:-1]} (error {code})."), response.headers)
        raise self.meta_error(response, code, part)

    def _bearer(self, credentials: Mapping[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {credentials[self.fields[0]]}"}

    def meta_error(self, response: Response, code: object, part: Part) -> NightshiftError:
        is_limit = isinstance(code, int) and self.codes.get(code) == (TemporaryError, BUSY)
        return self.error_of(response, code, wait=_until_regained(response) if is_limit else None)

    def _code(self, error: object) -> object:
        """The subcode, which is more exact, where `codes` has it; else the code."""
        subcode = dig(error, "error_subcode")
        exact = isinstance(subcode, int) and subcode >= MIN_SUBCODE and subcode in self.codes
        return subcode if exact else dig(error, "code")


class PageChannel(MetaChannel):
    """Messenger and Instagram: what they deliver and what is read they report by id, or by a watermark, a moment."""

    def read_reports(self, request: HookRequest) -> Iterator[Report | Watermark]:
        body = json_of(request)
        for name in ("messaging", "standby"):
            for event in walk(body, "entry", name):
                yield from self._of_event(event)

    def _of_event(self, event: Any) -> Iterator[Report | Watermark]:
        at = moment(dig(event, "timestamp"), 1000)
        key = id_of(dig(event, "message", "metadata"))
        if key and dig(event, "message", "is_echo") is True:
            yield Report(id_of(dig(event, "message", "mid")), "accepted", at, key)
        yield from (Report(id_of(mid), "delivered", at) for mid in walk(dig(event, "delivery"), "mids"))
        yield Report(id_of(dig(event, "read", "mid")), "read", at)
        for name, state in (("delivery", "delivered"), ("read", "read")):
            if until := dig(event, name, "watermark"):
                yield Watermark(id_of(dig(event, "sender", "id")), state, moment(until, 1000))


def json_of(request: HookRequest) -> Any:
    """The body; None where it is no JSON."""
    return _json(request.body)


def _json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _until_regained(response: Response) -> float | None:
    """How many seconds Meta asks us to wait after a limit; None where it does not say."""
    usage = _json(response.headers.get(USAGE, ""))
    limits = [limit for product in usage for limit in walk(usage, product)] if isinstance(usage, dict) else []
    minutes = [seconds_of(dig(limit, "estimated_time_to_regain_access")) for limit in limits]
    return max((60 * value for value in minutes if value), default=None)
