"""What WhatsApp, Messenger and Instagram share: Meta's Graph API, its errors and their sentences."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar

from nightshift.channels.answer import accepted, body_of, dig, text_of
from nightshift.channels.base import Call, Channel, Codes, Meaning, Part, json_call
from nightshift.errors import BadCredential, NightshiftError, PermanentError, TemporaryError
from nightshift.response import Response

REFUSED = "Meta no longer accepts this channel's access token. Put a new one."
NO_PERMISSION = "Meta does not permit this: the access token lacks a permission, or the app's access was withdrawn."
WRONG = "Meta found something wrong in the request, most likely the customer's id."
BUSY = "Too many messages went out through this channel. Meta asks us to slow down."
TROUBLE = "Meta is having trouble."
WINDOW = "The customer last wrote too long ago: the window for answers is closed."
SUBCODES = 2_000_000  # from here on a subcode has a meaning of its own; a small one's depends on its code


def each(codes: Iterable[int], meaning: Meaning) -> dict[int | str, Meaning]:
    return dict.fromkeys(codes, meaning)


COMMON: Codes = {
    **each([0, 190], (BadCredential, REFUSED)),
    100: (PermanentError, WRONG),
    **each([10, *range(200, 300)], (PermanentError, NO_PERMISSION)),
    2: (TemporaryError, TROUBLE),
    4: (TemporaryError, BUSY),
}

PAGE: Codes = {  # Messenger and Instagram
    **COMMON,
    551: (PermanentError, "This customer cannot be reached now: they may have blocked the account or left."),
    2018001: (PermanentError, "Meta knows no such customer of this channel."),
    2018278: (PermanentError, WINDOW),
    1200: (TemporaryError, TROUBLE),
    613: (TemporaryError, BUSY),
}


class MetaChannel(Channel):
    """POST to `path` below the Graph API's base with the token as a Bearer: in the URL it would end up in logs."""

    id_path: ClassVar[tuple[str | int, ...]]

    @abstractmethod
    def payload(self, part: Part) -> Mapping[str, object]: ...

    def path(self, credentials: Mapping[str, str]) -> str:
        return "me/messages"

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        url = f"{self.base_url}/{self.path(credentials)}"
        return json_call(url, self.payload(part), {"Authorization": f"Bearer {credentials[self.fields[0]]}"})

    def judge(self, answer: Response, part: Part) -> str:
        body = body_of(answer)
        if accepted(answer) and not body.get("error"):
            return text_of(dig(body, *self.id_path))
        raise self.meaning(answer, self._code(body.get("error")), part)

    def meaning(self, answer: Response, code: object, part: Part) -> NightshiftError:
        return self.refusal(answer, code)

    def _code(self, error: object) -> object:
        """The subcode where the table knows it: it is the more exact of the two."""
        subcode = dig(error, "error_subcode")
        exact = isinstance(subcode, int) and subcode >= SUBCODES and subcode in self.codes
        return subcode if exact else dig(error, "code")
