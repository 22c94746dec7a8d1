"""Twilio: SMS, and WhatsApp where `from` and the customer's id begin with "whatsapp:"."""

from base64 import b64encode
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import urlencode

from nightshift.channels.base import PATH_SAFE, Call, Channel, Part, PathFields, TextLimit
from nightshift.channels.vendor_json import id_of
from nightshift.errors import BadCredential, PermanentError, TemporaryError
from nightshift.response import Codes, Response

ACCOUNT = "Twilio does not accept this account SID and auth token. Set new ones."
NUMBER = "Twilio cannot send to the customer's number."
SENDER = "The number in `from` cannot send to this customer."


class Twilio(Channel):
    type = "TWILIO"
    name = "Twilio"
    fields = ("accountSid", "authToken", "from")
    in_path: ClassVar[PathFields] = {"accountSid": PATH_SAFE}
    limit = TextLimit(1600, "utf16")  # of UCS-2: an emoji counts twice (error 21617)
    codes: ClassVar[Codes] = {
        20003: (BadCredential, ACCOUNT),
        20429: (TemporaryError, "Too many messages were sent through this account. Twilio asks us to slow down."),
        **dict.fromkeys([21211, 21214, 21217, 21614], (PermanentError, NUMBER)),
        **dict.fromkeys([21212, 21603, 21606, 21608, 21612, 21659], (PermanentError, SENDER)),
        21408: (PermanentError, "This Twilio account is not allowed to send to the customer's region."),
        21610: (PermanentError, "The customer has unsubscribed from this number."),
        21617: (PermanentError, "Twilio rejected this message as too long."),
    }
    statuses: ClassVar[Codes] = {401: (BadCredential, ACCOUNT)}

    def check(self, credentials: Mapping[str, str]) -> None:
        """`from` may contain a space ("Acme Shop"), because it is sent in neither a header nor the URL."""
        super().check({**credentials, "from": credentials["from"].replace(" ", "")})

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        account, token = credentials["accountSid"], credentials["authToken"]
        headers = {
            "Authorization": "Basic " + b64encode(f"{account}:{token}".encode()).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        form = urlencode({"To": part.to, "From": credentials["from"], "Body": part.text})
        return Call(f"{self.base_url}/2010-04-01/Accounts/{account}/Messages.json", headers, form.encode())

    def message_id(self, response: Response, part: Part) -> str:
        body = response.json_object()
        if response.ok and not body.get("code"):
            return id_of(body.get("sid"))
        raise self.error_of(response, body.get("code"))
