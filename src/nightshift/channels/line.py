"""LINE, by the push message of its Messaging API."""

from collections.abc import Mapping
from typing import ClassVar
from uuid import NAMESPACE_URL, uuid5

from nightshift.channels.answer import accepted, body_of, dig, text_of
from nightshift.channels.base import Call, Channel, Codes, Part, TextLimit, json_call
from nightshift.errors import BadCredential, PermanentError
from nightshift.response import Response

ALREADY_ACCEPTED = 409


class Line(Channel):
    """A second send with the same X-Line-Retry-Key (kept for 24 hours) is answered 409 and not delivered again."""

    type = "LINE"
    name = "LINE"
    fields = ("channelAccessToken",)
    limit = TextLimit(5000, "utf16")
    honours_key = True
    statuses: ClassVar[Codes] = {
        400: (PermanentError, "LINE refused this message: most likely it does not know the customer."),
        401: (BadCredential, "LINE no longer accepts this channel's access token. Put a new one."),
        403: (PermanentError, "LINE does not permit this channel to push messages."),
    }

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        headers = {
            "Authorization": f"Bearer {credentials['channelAccessToken']}",
            "X-Line-Retry-Key": str(uuid5(NAMESPACE_URL, part.key)),
        }
        payload = {"to": part.to, "messages": [{"type": "text", "text": part.text}]}
        return json_call(f"{self.base_url}/v2/bot/message/push", payload, headers)

    def judge(self, answer: Response, part: Part) -> str:
        if accepted(answer) or answer.status == ALREADY_ACCEPTED:
            message_id = text_of(dig(body_of(answer), "sentMessages", 0, "id"))
            return message_id or text_of(answer.headers.get("x-line-accepted-request-id"))
        raise self.refusal(answer)
