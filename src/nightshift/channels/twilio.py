"""SMS and what else Twilio carries (`from` and the customer's id may both begin with "whatsapp:")."""

from base64 import b64encode
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import urlencode

from nightshift.channels.answer import accepted, body_of, text_of
from nightshift.channels.base import PATH_SAFE, Call, Channel, Codes, Part, PathFields, TextLimit
from nightshift.errors import BadCredential, PermanentError, TemporaryError
from nightshift.response import Response

ACCOUNT = "Twilio does not accept this account SID and auth token. Put new ones."
NUMBER = "The customer's number is not one Twilio can write to."
SENDER = "The number in `from` cannot send to this customer."


class Twilio(Channel):
    type = "TWILIO"
    name = "Twilio"
    fields = ("accountSid", "authToken", "from")
    in_path: ClassVar[PathFields] = {"accountSid": PATH_SAFE}
    limit = TextLimit(1600, "utf16")  # of UCS-2: an emoji counts twice (error 21617)
    codes: ClassVar[Codes] = {
        20003: (BadCredential, ACCOUNT),
        20429: (TemporaryError, "Too many messages went out through this account. Twilio asks us to slow down."),
        **dict.fromkeys([21211, 21214, 21217, 21614], (PermanentError, NUMBER)),
        **dict.fromkeys([21212, 21603, 21606, 21608, 21612, 21659], (PermanentError, SENDER)),
        21408: (PermanentError, "This Twilio account may not write to the customer's region."),
        21610: (PermanentError, "The customer has unsubscribed from this number."),
        21617: (PermanentError, "Twilio finds this message too long."),
    }
    statuses: ClassVar[Codes] = {401: (BadCredential, ACCOUNT)}

    def check(self, credentials: Mapping[str, str]) -> None:
        """`from` is no token: it may hold a space ("Acme Shop"), for it goes into neither a header nor the URL."""
        super().check({**credentials, "from": credentials["from"].replace(" ", "")})

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        account, token = credentials["accountSid"], credentials["authToken"]
        headers = {
            "Authorization": "Basic " + b64encode(f"{account}:{token}".encode()).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        form = urlencode({"To": part.to, "From": credentials["from"], "Body": part.text})
        return Call(f"{self.base_url}/2010-04-01/Accounts/{account}/Messages.json", headers, form.encode())

    def judge(self, answer: Response, part: Part) -> str:
        body = body_of(answer)
        if accepted(answer) and not body.get("code"):
            return text_of(body.get("sid"))
        raise self.refusal(answer, body.get("code"))
