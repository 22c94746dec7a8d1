"""Delivery reports as each vendor's documentation has them, with signatures made here and not by the program's code."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

import requests
from client import Client
from recorder import Request
from stack import wait_for

META_SECRET = "meta-app-secret"
RESEND_SECRET = "whsec_" + base64.b64encode(b"resend-signs-with-this-key").decode()
REPORTING: dict[str, dict[str, str]] = {
    "WHATSAPP": {"accessToken": "token-whatsapp", "phoneNumberId": "1055", "appSecret": META_SECRET},
    "MESSENGER": {"pageAccessToken": "token-messenger", "appSecret": META_SECRET},
    "INSTAGRAM": {"accessToken": "token-instagram", "appSecret": META_SECRET},
    "TWILIO": {"accountSid": "AC1", "authToken": "token-twilio", "from": "+15005550006"},
}
TWILIO = {"sent": "sent", "delivered": "delivered", "read": "read", "failed": "undelivered"}


def subscribe(api: Client, channel: str, **changes: str) -> dict[str, str]:
    """Put credentials with which reports are believed: the hook."""
    answer = api("PUT", f"/v1/channels/{channel}", json={"credentials": REPORTING[channel] | changes})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def meta_signature(body: bytes, secret: str = META_SECRET) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def twilio_signature(url: str, form: dict[str, str], token: str = "token-twilio") -> dict[str, str]:
    signed = url + "".join(name + form[name] for name in sorted(form))
    digest = hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()
    return {"X-Twilio-Signature": base64.b64encode(digest).decode()}


def svix_signature(body: bytes, secret: str = RESEND_SECRET, at: float | None = None) -> dict[str, str]:
    name, moment = f"msg_{uuid4().hex}", str(int(at or time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{name}.{moment}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"svix-id": name, "svix-timestamp": moment, "svix-signature": f"v1,b2xk {signature}"}


def post(url: str, body: bytes, headers: dict[str, str]) -> requests.Response:
    return requests.post(url, data=body, headers=headers, timeout=40)


def whatsapp(provider_id: str, state: str, key: str = "", code: int = 0, customer: str = "49") -> dict[str, Any]:
    status: dict[str, Any] = {
        "id": provider_id, "status": state, "timestamp": str(int(time.time())), "recipient_id": customer,
        **({"biz_opaque_callback_data": key} if key else {}),
        **({"errors": [{"code": code, "title": "t", "message": "t", "error_data": {"details": "d"}}]} if code else {}),
    }  # fmt: skip
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "1055"}, "statuses": [status]}
    entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def page(event: dict[str, Any], customer: str = "customer") -> dict[str, Any]:
    """What Messenger and Instagram say of one customer."""
    messaging = {"sender": {"id": customer}, "recipient": {"id": "PAGE"}, "timestamp": int(time.time() * 1000)}
    return {"object": "page", "entry": [{"id": "PAGE", "time": 1, "messaging": [messaging | event]}]}


def meta_says(hook: str, said: dict[str, Any], secret: str = META_SECRET) -> requests.Response:
    body = json.dumps(said, indent=1).encode()  # not as a parser would write it again
    return post(hook, body, meta_signature(body, secret) | {"Content-Type": "application/json"})


def twilio_says(
    url: str, sid: str, state: str, code: int = 0, token: str = REPORTING["TWILIO"]["authToken"]
) -> requests.Response:
    form = {
        "MessageSid": sid,
        "SmsSid": sid,
        "MessageStatus": state,
        "To": "+49 151",
        "From": "+1",
        "AccountSid": "AC1",
    }
    form |= {"ErrorCode": str(code)} if code else {}
    headers = twilio_signature(url, form, token) | {"Content-Type": "application/x-www-form-urlencoded"}
    return post(url, urlencode(form).encode(), headers)


def resend_says(api: Client, kind: str, email_id: str, tags: Any = None, **more: Any) -> requests.Response:
    data = {"email_id": email_id, "from": "a@example.com", "to": ["owner@example.com"], "subject": "s", **more}
    said = {"type": kind, "created_at": "2026-02-22T23:41:12.126Z", "data": data | ({"tags": tags} if tags else {})}
    body = json.dumps(said, indent=1).encode()
    return post(f"{api.base_url}/v1/hooks/RESEND", body, svix_signature(body))


def report(hook: str, channel: str, call: Request, provider_id: str, state: str, code: int = 0) -> requests.Response:
    """What this vendor says of what it was asked by `call`, with the key that came with it where it echoes one."""
    if channel == "TWILIO":
        return twilio_says(_form(call).get("StatusCallback", hook), provider_id, TWILIO[state], code)
    if channel == "WHATSAPP":
        return meta_says(hook, whatsapp(provider_id, state, call.json["biz_opaque_callback_data"], code))
    events = {
        ("MESSENGER", "sent"): {
            "message": {
                "is_echo": True,
                "mid": provider_id,
                "metadata": call.json["message"].get("metadata", ""),
                "text": "",
            }
        },
        ("MESSENGER", "delivered"): {"delivery": {"mids": [provider_id], "watermark": 1}},
        ("MESSENGER", "read"): {"read": {"watermark": int(time.time() * 1000)}},
        ("INSTAGRAM", "read"): {"read": {"mid": provider_id}},
    }
    return meta_says(hook, page(events[channel, state], call.json["recipient"]["id"]))


def shows(api: Client, message_id: str, **fields: Any) -> dict[str, Any]:
    """The message once it has these fields, as status="SENT", delivery="read"."""

    def there() -> dict[str, Any] | None:
        shown = dict(api("GET", f"/v1/messages/{message_id}").json())
        flat = shown | {"delivery": (shown["delivery"] or {}).get("state")}
        return shown if all(flat[name] == value for name, value in fields.items()) else None

    return dict(wait_for(there, explain=lambda: str(api("GET", f"/v1/messages/{message_id}").json())))


def _form(call: Request) -> dict[str, str]:
    return dict(parse_qsl(call.body.decode()))
