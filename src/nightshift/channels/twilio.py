"""Twilio: SMS, and WhatsApp where `from` and the customer's id begin with "whatsapp:"."""

import hmac
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from nightshift import clock
from nightshift.channels.base import PATH_SAFE, Call, Channel, Part, PathFields, TextLimit, get
from nightshift.channels.phone import digits_of
from nightshift.channels.report import HookRequest, Report
from nightshift.channels.vendor_json import id_of
from nightshift.errors import BadCredential, PermanentError, TemporaryError
from nightshift.response import Codes, Response, to_error

ACCOUNT = "Twilio does not accept this account SID and auth token. Set new ones."
NUMBER = "Twilio cannot send to the customer's number."
SENDER = "The number or service in `from` cannot send to this customer."
BUSY = "Too many messages were sent through this account. Twilio asks us to slow down."
TROUBLE = "Twilio or the carrier is having trouble."
WHATSAPP = "whatsapp:"  # before a number: not by SMS
SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")  # a Messaging Service, which chooses the number
FAILED = ("failed", "undelivered", "canceled")
STATES = {
    **dict.fromkeys("accepted scheduled queued sending sent".split(), "accepted"),
    **dict.fromkeys(FAILED, "failed"),
    "delivered": "delivered",
    "read": "read",
}
REPEATED = (
    "#rp=all&rc=5"  # of a hook's URL, for Twilio alone: without it a report that we refuse for now is not sent again
)
MAX_PARAMETERS = 200  # of a report; it has about fifteen


class Twilio(Channel):
    type = "TWILIO"
    name = "Twilio"
    fields = ("accountSid", "authToken", "from")
    where = "On the first page of Twilio's Console. From is one of your numbers, or a Messaging Service (MG…)."
    in_path: ClassVar[PathFields] = {"accountSid": PATH_SAFE}
    limit = TextLimit(1600, "utf16")  # of UCS-2: an emoji counts twice (error 21617)
    codes: ClassVar[Codes] = {
        **dict.fromkeys([20003, 20008], (BadCredential, ACCOUNT)),  # the latter: they are for tests
        **dict.fromkeys([10001, 20005, 30002, 90010], (BadCredential, "This Twilio account is closed or suspended.")),
        **dict.fromkeys([14107, 20429, 21611, 30001, 30022, 63018], (TemporaryError, BUSY)),
        **dict.fromkeys([30008, 30009, 30017, 30410, 30500, 63010, 63012], (TemporaryError, TROUBLE)),
        63001: (
            BadCredential,
            "The channel withdrew Twilio's access. Connect it again at Twilio, then set the credentials again.",
        ),
        **dict.fromkeys(
            [21211, 21214, 21217, 21219, 21614, 21635, 30005, 30006, 63003, 63024], (PermanentError, NUMBER)
        ),
        **dict.fromkeys(
            map(
                int,
                "21212 21266 21601 21603 21606 21608 21612 21659 21660 21703 21704 21705 21910 30018 30024"
                " 30032 30033 30034 30035 63002 63007 63008".split(),
            ),
            (PermanentError, SENDER),
        ),
        30003: (PermanentError, "The customer's phone is switched off, or cannot be reached."),
        **dict.fromkeys(
            [30004, 63014, 63033], (PermanentError, "The customer's phone or carrier blocks messages from this number.")
        ),
        63032: (
            PermanentError,
            "WhatsApp did not send this message: the customer is part of an experiment of WhatsApp's.",
        ),
        63049: (
            PermanentError,
            "WhatsApp chose not to deliver this message, to protect customers from too many messages.",
        ),
        63112: (
            BadCredential,
            "Meta has disabled the account of this sender. Once it is back, set the credentials again.",
        ),
        30007: (PermanentError, "The carrier filtered this message out."),
        63015: (PermanentError, "The customer has not joined this WhatsApp sandbox."),
        63016: (
            PermanentError,
            "The customer last wrote more than 24 hours ago. WhatsApp delivers again once they write, or a template.",
        ),
        **dict.fromkeys(
            [30023, 30027, 63038], (PermanentError, "This Twilio account has used up the messages of its day.")
        ),
        21408: (PermanentError, "This Twilio account is not allowed to send to the customer's region."),
        21610: (PermanentError, "The customer has unsubscribed from this number."),
        21617: (PermanentError, "Twilio rejected this message as too long."),
        21609: (PermanentError, "Twilio cannot reach PUBLIC_URL, where it would report to. Your operator must set it."),
    }
    reports = True
    statuses: ClassVar[Codes] = {401: (BadCredential, ACCOUNT)}

    def check(self, credentials: Mapping[str, str]) -> None:
        """`from` may contain a space ("Acme Shop"), because it is sent in neither a header nor the URL."""
        super().check({**credentials, "from": credentials["from"].replace(" ", "")})

    def customer(self, given: str) -> str:
        """A number in E.164, as Twilio asks for it; behind "whatsapp:" too."""
        number = given.strip()
        prefix = WHATSAPP if number.lower().startswith(WHATSAPP) else ""
        digits = digits_of(number[len(prefix) :])
        return f"{prefix}+{digits}" if digits else given

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        sender = "MessagingServiceSid" if SERVICE.fullmatch(credentials["from"]) else "From"
        form = {"To": part.to, sender: credentials["from"], "Body": part.text}
        if part.report_url:
            form["StatusCallback"] = f"{part.report_url}?{urlencode({'key': part.report_key})}{REPEATED}"
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
        urls = [form + end for url in request.urls for form in (url, _other_port(url)) for end in ("", REPEATED)]
        digests = [hmac.digest(token, url.encode() + parameters, "sha1") for url in urls]
        return any(hmac.compare_digest(b64encode(digest), given) for digest in digests)

    def read_reports(self, request: HookRequest) -> Iterator[Report]:
        said = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        state = STATES.get(said.get("MessageStatus", ""), "")
        code = said.get("ErrorCode", "")[:9]
        error = self.reported_error(int(code) if code.isdecimal() else None) if state == "failed" else None
        key = request.query.get("key", "")
        yield Report(id_of(said.get("MessageSid")), state, clock.now(), key, error)

    def message_id(self, response: Response, part: Part) -> str:
        body = response.vendor_json(self.name)
        if response.ok and body.get("status") in FAILED:
            code = body.get("error_code")
            known = self.codes.get(code) if isinstance(code, int) else None
            raise to_error(
                known or (TemporaryError, "Twilio took this message, and failed it at once."), response.headers
            )
        if response.ok and not body.get("code"):
            return id_of(body.get("sid"))
        raise self.error_of(response, body.get("code"))

    def _account_url(self, credentials: Mapping[str, str]) -> str:
        return f"{self.base_url}/2010-04-01/Accounts/{credentials['accountSid']}"

    def _authorization(self, credentials: Mapping[str, str]) -> dict[str, str]:
        basic = f"{credentials['accountSid']}:{credentials['authToken']}".encode()
        return {"Authorization": f"Basic {b64encode(basic).decode()}"}


def _other_port(url: str) -> str:
    """The URL with its port where it has none, else without: Twilio signs now the one and now the other."""
    parts = urlsplit(url)
    host, _, port = parts.netloc.partition(":")
    return parts._replace(netloc=host if port else f"{host}:{443 if parts.scheme == 'https' else 80}").geturl()
