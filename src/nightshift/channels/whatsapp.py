"""WhatsApp, by Meta's Cloud API."""

from collections.abc import Mapping
from typing import ClassVar

from nightshift.channels.base import PATH_SAFE, Codes, Part, PathFields, TextLimit
from nightshift.channels.meta import BUSY, COMMON, TROUBLE, WRONG, MetaChannel, each
from nightshift.errors import NightshiftError, PermanentError, TemporaryError
from nightshift.response import Response

PAIR_LIMIT = 131056  # too many messages from one number to one other
MOST_PAIR_POWER = 10  # 4^10 s are twelve days: nobody waits longer, and no number grows out of hand


class WhatsApp(MetaChannel):
    type = "WHATSAPP"
    name = "WhatsApp"
    fields = ("accessToken", "phoneNumberId")
    in_path: ClassVar[PathFields] = {"phoneNumberId": PATH_SAFE}
    limit = TextLimit(4096, "characters")
    id_path = ("messages", 0, "id")
    codes: ClassVar[Codes] = {
        **COMMON,
        3: (PermanentError, "The app may not send messages: a capability or permission is missing at Meta."),
        33: (PermanentError, "WhatsApp no longer knows the number this channel sends from."),
        368: (PermanentError, "WhatsApp has restricted this business account for breaking its policies."),
        131005: (PermanentError, "The access token lacks the permission to send WhatsApp messages."),
        **each([131008, 131009], (PermanentError, WRONG)),
        131021: (PermanentError, "The customer's number is the one this channel sends from."),
        131026: (
            PermanentError,
            "WhatsApp cannot deliver to this customer: not on WhatsApp, or they do not accept messages from this number.",
        ),
        131030: (PermanentError, "This number may only write to a list of numbers, and the customer is not on it."),
        131031: (PermanentError, "WhatsApp has locked this business account."),
        131047: (PermanentError, "The customer last wrote more than 24 hours ago: WhatsApp takes only a template now."),
        131048: (PermanentError, "WhatsApp holds this number back: too many of its messages were reported as spam."),
        131051: (PermanentError, "WhatsApp does not support this kind of message."),
        **each(range(132000, 133000), (PermanentError, "WhatsApp refused the message template.")),
        **each([1, 131000, 131016], (TemporaryError, TROUBLE)),
        **each([80007, 130429], (TemporaryError, BUSY)),
        PAIR_LIMIT: (TemporaryError, "Too many messages went to this customer at once. WhatsApp asks us to slow down."),
    }

    def path(self, credentials: Mapping[str, str]) -> str:
        return f"{credentials['phoneNumberId']}/messages"

    def payload(self, part: Part) -> Mapping[str, object]:
        return {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": part.to,
            "type": "text",
            "text": {"body": part.text},
        }

    def meaning(self, answer: Response, code: object, part: Part) -> NightshiftError:
        """Meta's advice on the pair limit: 4^X s, X = 0 at first and one more at each failure. It holds this pair alone."""
        if code == PAIR_LIMIT:
            return self.refusal(answer, code, wait=4.0 ** min(part.tries, MOST_PAIR_POWER), scope="lane")
        return self.refusal(answer, code)
