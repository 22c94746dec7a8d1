"""The base of WhatsApp, Messenger and Instagram: Meta's Graph API and its error codes."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar

from nightshift.channels.base import Call, Channel, Part, json_call
from nightshift.channels.vendor_json import dig, id_of
from nightshift.errors import BadCredential, NightshiftError, PermanentError, TemporaryError
from nightshift.response import Codes, Meaning, Response, to_error

REFUSED = "Meta no longer accepts this channel's access token. Set a new one."
NO_PERMISSION = "Meta denied access: the access token lacks a permission, or the app's access was withdrawn."
WRONG = "Meta rejected the request, most likely because of the customer's id."
BUSY = "Too many messages were sent through this channel. Meta asks us to slow down."
TROUBLE = "Meta is having trouble."
WINDOW = "The customer last wrote too long ago: the messaging window is closed."
MIN_SUBCODE = 2_000_000  # from here on a subcode has a meaning of its own; a smaller one depends on its code


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
    551: (PermanentError, "This customer cannot be reached now: they may have blocked the account or left."),
    2018001: (PermanentError, "This channel has no customer with this id."),
    2018108: (PermanentError, "This customer does not accept messages from this channel."),
    **each([2018065, 2018278], (PermanentError, WINDOW)),
    368: (PermanentError, "Meta has blocked this account from sending for breaking its policies."),
    1200: (TemporaryError, TROUBLE),
}


class MetaChannel(Channel):
    """POST to `path` of the Graph API. The token is sent as a Bearer: in the URL it would end up in logs."""

    id_path: ClassVar[tuple[str | int, ...]]

    @abstractmethod
    def payload(self, part: Part) -> Mapping[str, object]: ...

    def path(self, credentials: Mapping[str, str]) -> str:
        return "me/messages"

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        url = f"{self.base_url}/{self.path(credentials)}"
        return json_call(url, self.payload(part), {"Authorization": f"Bearer {credentials[self.fields[0]]}"})

    def message_id(self, response: Response, part: Part) -> str:
        body = self.body_of(response)
        error = body.get("error")
        if response.ok and not error:
            return id_of(dig(body, *self.id_path))
        code = self._code(error)
        if dig(error, "is_transient") is True and not (isinstance(code, int) and code in self.codes):
            raise to_error((TemporaryError, f"{TROUBLE[:-1]} (error {code})."), response.headers)
        raise self.meta_error(response, code, part)

    def meta_error(self, response: Response, code: object, part: Part) -> NightshiftError:
        return self.error_of(response, code)

    def _code(self, error: object) -> object:
        """The subcode, which is more exact, where `codes` has it; else the code."""
        subcode = dig(error, "error_subcode")
        exact = isinstance(subcode, int) and subcode >= MIN_SUBCODE and subcode in self.codes
        return subcode if exact else dig(error, "code")
