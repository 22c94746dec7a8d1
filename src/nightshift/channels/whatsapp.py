"""WhatsApp: Meta's Cloud API."""

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from nightshift.channels.base import PATH_SAFE, Part, PathFields, TextLimit
from nightshift.channels.meta import BUSY, COMMON, TROUBLE, WRONG, MetaChannel, each, json_of
from nightshift.channels.phone import digits_of
from nightshift.channels.report import HookRequest, Report, moment
from nightshift.channels.vendor_json import dig, id_of, walk
from nightshift.errors import BadCredential, NightshiftError, PermanentError, TemporaryError
from nightshift.response import Codes, Response

NO_NUMBER = 33  # also as a subcode of 100: what stands in the URL does not exist, or is not the token's
PAIR_LIMIT = 131056  # too many messages from one number to one other
BUSINESS_SCOPED = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")  # the id of a customer who hides the number
WINDOW_24 = "The customer last wrote more than 24 hours ago. WhatsApp delivers again once they write, or a template."
AFTERWARDS = "Once that is resolved at Meta, set the credentials again."
MAX_PAIR_POWER = 10  # 4^10 s are twelve days
STATES = {"sent": "accepted", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}


class WhatsApp(MetaChannel):
    type = "WHATSAPP"
    name = "WhatsApp"
    fields = ("accessToken", "phoneNumberId")
    where = "In Meta for Developers: your app, WhatsApp, API Setup. The token of a system user does not expire."
    in_path: ClassVar[PathFields] = {"phoneNumberId": PATH_SAFE}
    limit = TextLimit(4096, "characters")
    id_path = ("messages", 0, "id")
    codes: ClassVar[Codes] = {
        **COMMON,
        **each(
            [3, 10, 131005, *range(200, 300)],
            (BadCredential, "The access token lacks the permission to send WhatsApp messages. Set one that has it."),
        ),
        NO_NUMBER: (
            BadCredential,
            "WhatsApp has no phone number with this phoneNumberId, or the access token is not for it. Set the right ones.",
        ),
        368: (BadCredential, f"WhatsApp has restricted this business account for breaking its policies. {AFTERWARDS}"),
        **each([131008, 131009], (PermanentError, WRONG)),
        130472: (
            PermanentError,
            "WhatsApp did not send this message: the customer is part of an experiment of WhatsApp's.",
        ),
        130497: (PermanentError, "WhatsApp does not let this business account write to customers in this country."),
        131021: (PermanentError, "The customer's number is the one this channel sends from."),
        131026: (
            PermanentError,
            "WhatsApp cannot deliver to this customer: not on WhatsApp, or they do not accept messages from this number.",
        ),
        131030: (PermanentError, "This number can only send to a fixed list, and the customer is not on it."),
        131031: (BadCredential, f"WhatsApp has locked this business account. {AFTERWARDS}"),
        131037: (PermanentError, "WhatsApp has not approved the display name of this channel's number yet."),
        131042: (
            PermanentError,
            "There is a problem with the payment of this WhatsApp account. Check its billing at Meta.",
        ),
        **each([131045, 133010], (BadCredential, f"This channel's number is not registered at WhatsApp. {AFTERWARDS}")),
        **each([470, 131047], (PermanentError, WINDOW_24)),
        131048: (PermanentError, "WhatsApp limits this number: too many of its messages were reported as spam."),
        131049: (
            PermanentError,
            "WhatsApp chose not to deliver this message, to protect customers from too many messages.",
        ),
        131050: (PermanentError, "The customer has stopped marketing messages from this number."),
        131051: (PermanentError, "WhatsApp does not support this kind of message."),
        **each(range(132000, 133000), (PermanentError, "WhatsApp rejected the message template.")),
        **each([131000, 131016, 133004], (TemporaryError, TROUBLE)),
        131057: (TemporaryError, "WhatsApp is maintaining this business account, most likely to raise its limits."),
        130429: (TemporaryError, BUSY),
        PAIR_LIMIT: (TemporaryError, "Too many messages to this customer at once. WhatsApp asks us to slow down."),
    }

    def customer(self, given: str) -> str:
        """A number as its digits, as WhatsApp itself names its customers."""
        return digits_of(given) or given

    def path(self, credentials: Mapping[str, str]) -> str:
        return f"{credentials['phoneNumberId']}/messages"

    def account(self, credentials: Mapping[str, str]) -> str:
        return credentials["phoneNumberId"]

    def payload(self, part: Part) -> Mapping[str, object]:
        return {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "recipient" if BUSINESS_SCOPED.fullmatch(part.to) else "to": part.to,
            "type": "text",
            "text": {"body": part.text},
            "biz_opaque_callback_data": part.report_key,  # which each report about it repeats
        }

    def read_reports(self, request: HookRequest) -> Iterator[Report]:
        for change in walk(json_of(request), "entry", "changes"):
            for status in walk(dig(change, "value"), "statuses"):
                state = STATES.get(id_of(dig(status, "status")), "")
                error = self.reported_error(dig(status, "errors", 0, "code")) if state == "failed" else None
                key = id_of(dig(status, "biz_opaque_callback_data"))
                yield Report(id_of(dig(status, "id")), state, moment(dig(status, "timestamp")), key, error)

    def meta_error(self, response: Response, code: object, part: Part) -> NightshiftError:
        """After a pair limit, wait 4^X s for this customer alone, X growing from 0 with each failure: Meta's advice."""
        if code == PAIR_LIMIT:
            return self.error_of(response, code, wait=4.0 ** min(part.attempts, MAX_PAIR_POWER), scope="lane")
        return super().meta_error(response, code, part)

    def _code(self, error: object) -> object:
        code = super()._code(error)
        return NO_NUMBER if code == 100 and dig(error, "error_subcode") == NO_NUMBER else code
