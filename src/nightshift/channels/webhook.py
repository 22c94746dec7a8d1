"""A webhook that the workspace chose, signed as in Standard Webhooks (standardwebhooks.com)."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from standardwebhooks import Webhook as Signer

from nightshift import clock
from nightshift.address import check_form
from nightshift.channels.base import Call, Channel, Part, TextLimit
from nightshift.environment import is_webhook_secret
from nightshift.errors import BadCredential, PermanentError
from nightshift.ids import made_at, new_id
from nightshift.response import Codes, Response


class Webhook(Channel):
    """The body has the recommended form: `type`, `timestamp` (when the message was created), `data`.

    `webhook-id` and body are the same in every attempt, so that the receiver can drop duplicates; `webhook-timestamp`, the
    time of the attempt, and the signature differ.
    """

    type = "WEBHOOK"
    name = "The webhook"
    fields = ("url", "secret")
    where = "The address of a program of yours, and a secret that both know: whsec_ and random bytes in base64."
    limit = TextLimit(20_000, "bytes")
    honours_key = True
    statuses: ClassVar[Codes] = {
        410: (BadCredential, "The webhook no longer exists (HTTP 410). Set a new address."),
        **dict.fromkeys([401, 403], (PermanentError, "The webhook denied access.")),
        404: (PermanentError, "There is nothing at the webhook's address (HTTP 404)."),
        **dict.fromkeys(
            [301, 302, 303, 307, 308],
            (PermanentError, "The webhook's address leads to another one, which is not followed. Set that address."),
        ),
    }

    def check(self, credentials: Mapping[str, str]) -> None:
        try:
            check_form(credentials["url"])
        except ValueError as reason:
            raise ValueError(f"url: {reason}") from None
        if not is_webhook_secret(credentials["secret"]):
            raise ValueError("secret must be a Standard Webhooks secret: whsec_ and base64, or base64 alone.")

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        return _signed(credentials, part.key.replace("/", "_"), _body(part))

    def probe(self, credentials: Mapping[str, str]) -> Call:
        """A ping, signed like a message."""
        return _signed(credentials, new_id("ping"), _json("ping", clock.now(), {}))

    def message_id(self, response: Response, part: Part) -> str:
        if response.ok:
            return ""
        raise self.error_of(response)


def _signed(credentials: Mapping[str, str], name: str, body: str) -> Call:
    now = clock.now()
    headers = {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(credentials["secret"]).sign(name, now, body),
    }
    return Call(credentials["url"], headers, body.encode(), user_named=True)


def _body(part: Part) -> str:
    message_id, _, number = part.key.rpartition("/")
    data = {"messageId": message_id, "part": int(number), "customerId": part.to, "content": part.text}
    return _json("message", made_at(message_id) or clock.now(), data)


def _json(kind: str, at: datetime, data: Mapping[str, object]) -> str:
    body = {"type": kind, "timestamp": clock.rfc_3339(at), "data": data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
