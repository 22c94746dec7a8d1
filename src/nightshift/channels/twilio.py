"""Twilio: SMS, and WhatsApp where `from` and the customer's id begin with "whatsapp:"."""

import hmac
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import ClassVar
from urllib.parse import parse_qsl, urlencode

from nightshift import clock
from nightshift.channels.base import PATH_SAFE, Call, Channel, Part, PathFields, TextLimit, get
from nightshift.channels.report import HookRequest, Report
from nightshift.channels.vendor_json import id_of
from nightshift.errors import BadCredential, PermanentError, TemporaryError
from nightshift.response import Codes, Response

ACCOUNT = "Twilio does not accept this account SID and auth token. Set new ones."
NUMBER = "Twilio cannot send to the customer's number."
SENDER = "The number in `from` cannot send to this customer."
UNREACHABLE = "The customer's phone could not be reached, or the carrier had trouble."
UNREGISTERED = "Carriers block this sender until it is registered with them. See Twilio's console."
STATES = {
    **dict.fromkeys("accepted scheduled queued sending sent".split(), "accepted"),
    **dict.fromkeys("undelivered failed canceled".split(), "failed"),
    "delivered": "delivered",
    "read": "read",
}
MAX_PARAMETERS = 200  # of a report; it has about fifteen


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
        21609: (PermanentError, "Twilio cannot reach PUBLIC_URL, where it would report to. Your operator must set it."),
        # in reports
        **dict.fromkeys([30001, 30003, 30008, 30009, 30017, 30022], (TemporaryError, UNREACHABLE)),
        30002: (BadCredential, "Twilio has suspended this account."),
        30004: (PermanentError, "The customer, or their carrier, blocks messages from this number."),
        **dict.fromkeys([30005, 30006], (PermanentError, NUMBER)),
        30007: (PermanentError, "The carrier, or Twilio, filtered this message as unwanted."),
        **dict.fromkeys([30032, 30034, 30035], (PermanentError, UNREGISTERED)),
    }
    reports = True
    statuses: ClassVar[Codes] = {401: (BadCredential, ACCOUNT)}

    def check(self, credentials: Mapping[str, str]) -> None:
        """`from` may contain a space ("Acme Shop"), because it is sent in neither a header nor the URL."""
        super().check({**credentials, "from": credentials["from"].replace(" ", "")})

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        form = {"To": part.to, "From": credentials["from"], "Body": part.text}
        if part.report_url:
            form["StatusCallback"] = f"{part.report_url}?{urlencode({'key': part.report_key})}"
        headers = self._authorization(credentials) | {"Content-Type": "application/x-www-form-urlencoded"}
        return Call(f"{self._account_url(credentials)}/Messages.json", headers, urlencode(form).encode())

    def probe(self, credentials: Mapping[str, str]) -> Call:
        return get(f"{self._account_url(credentials)}.json", self._authorization(credentials))

    def is_signed(self, credentials: Mapping[str, str], request: HookRequest) -> bool:
        """By X-Twilio-Signature, over the URL that Twilio was told and the sorted parameters of the body."""
        try:
            pairs = parse_qsl(request.body, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
        except ValueError:
            return False
        parameters = b"".join(name + value for name, value in sorted(set(pairs)))
        given, token = request.headers.get("x-twilio-signature", "").encode(), credentials["authToken"].encode()
        digests = [hmac.digest(token, url.encode() + parameters, "sha1") for url in request.urls]
        return any(hmac.compare_digest(b64encode(digest), given) for digest in digests)

    def read_reports(self, request: HookRequest) -> Iterator[Report]:
        said = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        state = STATES.get(said.get("MessageStatus", ""), "")
        code = said.get("ErrorCode", "")
        error = self.reported_error(int(code) if code.isdecimal() else None) if state == "failed" else None
        key = request.query.get("key", "")
        yield Report(id_of(said.get("MessageSid")), state, clock.now(), key, error)

    def message_id(self, response: Response, part: Part) -> str:
        body = response.json_object()
        if response.ok and not body.get("code"):
            return id_of(body.get("sid"))
        raise self.error_of(response, body.get("code"))

    def _account_url(self, credentials: Mapping[str, str]) -> str:
        return f"{self.base_url}/2010-04-01/Accounts/{credentials['accountSid']}"

    def _authorization(self, credentials: Mapping[str, str]) -> dict[str, str]:
        basic = f"{credentials['accountSid']}:{credentials['authToken']}".encode()
        return {"Authorization": f"Basic {b64encode(basic).decode()}"}
