"""LINE: the push message of its Messaging API."""

from collections.abc import Mapping
from typing import ClassVar
from uuid import NAMESPACE_URL, uuid5

from nightshift.channels.base import Call, Channel, Part, TextLimit, get, json_call
from nightshift.channels.vendor_json import dig, id_of
from nightshift.errors import BadCredential, PermanentError
from nightshift.response import Codes, Response

ALREADY_ACCEPTED = 409
BUSY = 429
MONTHLY_LIMIT = "monthly limit"  # 429 too: only its text differs from the rate limit's


class Line(Channel):
    """LINE answers a second request with the same X-Line-Retry-Key within 24 hours with 409, and does not deliver it."""

    type = "LINE"
    name = "LINE"
    fields = ("channelAccessToken",)
    where = "In the LINE Developers Console: your channel, Messaging API. Issue a long-lived token."
    limit = TextLimit(5000, "utf16")
    honours_key = True
    codes: ClassVar[Codes] = {
        MONTHLY_LIMIT: (
            PermanentError,
            "This LINE account has used up the messages of its month. Raise its plan at LINE.",
        ),
    }
    statuses: ClassVar[Codes] = {
        400: (PermanentError, "LINE refused this message, most likely because the customer's id is unknown."),
        401: (BadCredential, "LINE no longer accepts this channel's access token. Set a new one."),
        403: (PermanentError, "LINE does not allow this channel to push messages."),
    }

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        headers = self._bearer(credentials) | {"X-Line-Retry-Key": str(uuid5(NAMESPACE_URL, part.key))}
        payload = {"to": part.to, "messages": [{"type": "text", "text": part.text}]}
        return json_call(f"{self.base_url}/v2/bot/message/push", payload, headers)

    def probe(self, credentials: Mapping[str, str]) -> Call:
        return get(f"{self.base_url}/v2/bot/info", self._bearer(credentials))

    def message_id(self, response: Response, part: Part) -> str:
        body = response.vendor_json(self.name)
        if response.ok or response.status == ALREADY_ACCEPTED:
            message_id = id_of(dig(body, "sentMessages", 0, "id"))
            return message_id or id_of(response.headers.get("x-line-accepted-request-id"))
        used_up = response.status == BUSY and "monthly limit" in str(body.get("message"))
        raise self.error_of(response, MONTHLY_LIMIT if used_up else None)

    def _bearer(self, credentials: Mapping[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {credentials['channelAccessToken']}"}
