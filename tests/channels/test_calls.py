"""The request to each vendor, as documented by the vendor."""

import base64
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from nightshift import clock
from nightshift.channels import CHANNELS
from nightshift.channels.base import Call, Part
from nightshift.errors import PermanentError
from nightshift.ids import made_at, new_id

SECRET = "whsec_" + base64.b64encode(bytes(range(24))).decode()
CREDENTIALS = {
    "WHATSAPP": {"accessToken": "EAAx", "phoneNumberId": "106540352242922"},
    "TELEGRAM": {"botToken": "110201543:AAHdqTcv-CH1vGW_JxfSe"},
    "MESSENGER": {"pageAccessToken": "EAAp"},
    "INSTAGRAM": {"accessToken": "IGQV"},
    "SLACK": {"botToken": "xoxb-1"},
    "TWILIO": {"accountSid": "AC0123", "authToken": "tok", "from": "+15005550006"},
    "LINE": {"channelAccessToken": "line+token/=="},
    "DISCORD": {"botToken": "MTk4.Cl2FMQ.Zn"},
    "WEBHOOK": {"url": "https://hooks.example.com/in?a=1", "secret": SECRET},
}
REPORT_URL = "https://support.example.com/v1/hooks/TWILIO/0a1b"
PLAIN = 'Hällo *you* & <all>, "now"\n@everyone 👋'


def call(type_: str, to: str = "cust1", text: str = PLAIN, key: str = "msg_1/1") -> Call:
    return CHANNELS[type_].call(CREDENTIALS[type_], Part(to, text, key, 0, f"{key}/4", REPORT_URL))


def body(made: Call) -> Any:
    return json.loads(made.body)


def test_every_channel_of_the_contract_is_registered_with_its_fields() -> None:
    assert {type_: set(channel.fields) for type_, channel in CHANNELS.items()} == {
        type_: set(credentials) for type_, credentials in CREDENTIALS.items()
    }


@pytest.mark.parametrize(
    ("type_", "url", "headers", "payload"),
    [
        (
            "WHATSAPP",
            "https://graph.facebook.com/v26.0/106540352242922/messages",
            {"Authorization": "Bearer EAAx"},
            {
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                "to": "cust1",
                "type": "text",
                "text": {"body": PLAIN},
                "biz_opaque_callback_data": "msg_1/1/4",
            },
        ),
        (
            "TELEGRAM",
            "https://api.telegram.org/bot110201543:AAHdqTcv-CH1vGW_JxfSe/sendMessage",
            {},
            {"chat_id": "cust1", "text": PLAIN},  # no parse_mode: no markup
        ),
        (
            "MESSENGER",
            "https://graph.facebook.com/v26.0/me/messages",
            {"Authorization": "Bearer EAAp"},
            {
                "recipient": {"id": "cust1"},
                "messaging_type": "RESPONSE",
                "message": {"text": PLAIN, "metadata": "msg_1/1/4"},
            },
        ),
        (
            "INSTAGRAM",
            "https://graph.facebook.com/v26.0/me/messages",
            {"Authorization": "Bearer IGQV"},
            {"recipient": {"id": "cust1"}, "message": {"text": PLAIN}},
        ),
        (
            "SLACK",
            "https://slack.com/api/chat.postMessage",
            {"Authorization": "Bearer xoxb-1", "Content-Type": "application/json; charset=utf-8"},
            {"channel": "cust1", "text": 'Hällo *you* &amp; &lt;all&gt;, "now"\n@everyone 👋'},
        ),
        (
            "LINE",
            "https://api.line.me/v2/bot/message/push",
            {"Authorization": "Bearer line+token/==", "X-Line-Retry-Key": "adc50d3a-f4aa-5feb-969f-911b7f738688"},
            {"to": "cust1", "messages": [{"type": "text", "text": PLAIN}]},
        ),
        (
            "DISCORD",
            "https://discord.com/api/v10/channels/cust1/messages",
            {"Authorization": "Bot MTk4.Cl2FMQ.Zn", "User-Agent": "DiscordBot (nightshift, 0.1.0)"},
            {
                "content": PLAIN,
                "nonce": "f86b84cf932feb58053c7c7e4",
                "enforce_nonce": True,
                "allowed_mentions": {"parse": []},
            },
        ),
    ],
)
def test_the_request_to_each_json_vendor(
    type_: str, url: str, headers: dict[str, str], payload: dict[str, Any]
) -> None:
    made = call(type_)
    assert made.url == url
    assert made.headers == {"Content-Type": "application/json", **headers}
    assert body(made) == payload
    assert not made.user_named


def test_the_request_to_twilio_is_a_form() -> None:
    made = call("TWILIO", to="whatsapp:+4915112345678")
    assert made.url == "https://api.twilio.com/2010-04-01/Accounts/AC0123/Messages.json"
    assert made.headers == {
        "Authorization": "Basic " + base64.b64encode(b"AC0123:tok").decode(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert parse_qs(made.body.decode(), strict_parsing=True) == {
        "To": ["whatsapp:+4915112345678"],
        "From": ["+15005550006"],
        "Body": [PLAIN],
        "StatusCallback": [f"{REPORT_URL}?key=msg_1%2F1%2F4#rp=all&rc=5"],
    }
    assert b"+49" not in made.body, "an unescaped + is a space to the server"


def test_a_messaging_service_of_twilio_goes_in_its_own_field() -> None:
    service = "MG" + "0a" * 16
    made = CHANNELS["TWILIO"].call({**CREDENTIALS["TWILIO"], "from": service}, Part("+49151", PLAIN, "msg_1/1", 0))
    assert parse_qs(made.body.decode()) == {"To": ["+49151"], "MessagingServiceSid": [service], "Body": [PLAIN]}


def test_a_business_scoped_id_of_whatsapp_goes_in_its_own_field() -> None:
    for to in ("US.13491208655302741918", "DE.ENT.11815799212886844830"):
        sent = body(call("WHATSAPP", to=to))
        assert (sent["recipient"], "to" in sent) == (to, False)


@pytest.mark.parametrize("type_", ["LINE", "DISCORD", "WEBHOOK"])
def test_a_key_is_the_same_in_every_attempt_and_differs_for_each_part(type_: str) -> None:
    def key(made: Call) -> str:
        if type_ == "DISCORD":
            return str(body(made)["nonce"])
        return made.headers["X-Line-Retry-Key" if type_ == "LINE" else "webhook-id"]

    keys = [key(call(type_, key=f"msg_{message}/{number}")) for message in range(20) for number in range(1, 20)]
    assert len(set(keys)) == len(keys)
    channel = CHANNELS[type_]
    assert channel.honours_key
    assert key(channel.call(CREDENTIALS[type_], Part("cust1", PLAIN, "msg_0/1", 4))) == keys[0]


def test_three_vendors_honour_an_idempotency_key() -> None:
    assert {type_ for type_, channel in CHANNELS.items() if channel.honours_key} == {"LINE", "DISCORD", "WEBHOOK"}


def test_keys_have_the_form_that_the_vendors_require() -> None:
    assert str(UUID(call("LINE").headers["X-Line-Retry-Key"])) == call("LINE").headers["X-Line-Retry-Key"]
    assert len(body(call("DISCORD"))["nonce"]) <= 25


@pytest.mark.parametrize("to", ["../users/@me", "1/2", "1?x=1", "1#", "", "..", "1\r\n", "١٢"])
def test_discord_refuses_an_invalid_channel_id(to: str) -> None:
    with pytest.raises(PermanentError, match="not a Discord channel id") as caught:
        call("DISCORD", to=to)
    assert not to or to not in str(caught.value)


def test_a_webhook_is_signed_over_exactly_the_bytes_that_are_sent() -> None:
    made = call("WEBHOOK")
    assert made.url == "https://hooks.example.com/in?a=1"
    assert made.user_named, "it is sent by http.post, which refuses private networks"
    assert made.headers["Content-Type"] == "application/json"
    assert set(made.headers) == {"Content-Type", "webhook-id", "webhook-timestamp", "webhook-signature"}
    assert Webhook(SECRET).verify(made.body, dict(made.headers)) == body(made)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(SECRET).verify(made.body + b" ", dict(made.headers))


def test_a_webhooks_id_contains_neither_slash_nor_dot() -> None:
    assert call("WEBHOOK", key="msg_00ab/12").headers["webhook-id"] == "msg_00ab_12"


def test_a_webhooks_body_has_the_time_of_the_message_and_is_the_same_an_hour_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made_then = datetime(2028, 2, 29, 23, 59, 59, 250_000, UTC)
    monkeypatch.setattr(clock, "now", lambda: made_then)
    message_id = new_id("msg")
    first = call("WEBHOOK", key=f"{message_id}/2")
    monkeypatch.setattr(clock, "now", lambda: made_then + timedelta(hours=1))
    second = call("WEBHOOK", key=f"{message_id}/2")

    assert body(first) == {
        "type": "message",
        "timestamp": "2028-02-29T23:59:59.250Z",
        "data": {"messageId": message_id, "part": 2, "customerId": "cust1", "content": PLAIN},
    }
    assert second.body == first.body
    assert second.headers["webhook-id"] == first.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) == int(first.headers["webhook-timestamp"]) + 3600
    assert int(first.headers["webhook-timestamp"]) == int(made_then.timestamp())


def test_a_secret_may_come_without_its_prefix_and_without_padding() -> None:
    channel, part = CHANNELS["WEBHOOK"], Part("c", "t", "m/1", 0)
    for secret in ("whsec_c2VjcmV0IGtleQ==", "c2VjcmV0IGtleQ==", "whsec_c2VjcmV0IGtleQ"):
        made = channel.call({"url": "https://x.example", "secret": secret}, part)
        assert Webhook(b"secret key").verify(made.body, dict(made.headers))


@pytest.mark.parametrize("type_", [type_ for type_ in CREDENTIALS if type_ != "WEBHOOK"])
def test_base_urls_are_read_when_a_call_is_made(type_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    named = {type_: "http://127.0.0.1:9/mock"}
    monkeypatch.setattr("nightshift.channels.base.settings", lambda: SimpleNamespace(vendor_base_urls=named))
    assert call(type_).url.startswith("http://127.0.0.1:9/mock/")


@pytest.mark.parametrize("type_", CREDENTIALS)
def test_no_secret_is_in_a_url_or_a_body_unless_the_vendor_requires_it(type_: str) -> None:
    made = call(type_)
    for field, value in CREDENTIALS[type_].items():
        if field not in ("phoneNumberId", "accountSid", "from", "url") and type_ != "TELEGRAM":
            assert value not in made.url
            assert value.encode() not in made.body


def test_an_id_contains_its_creation_time() -> None:
    before = clock.now()
    made = made_at(new_id("msg"))
    assert made is not None
    assert before - timedelta(milliseconds=1) <= made <= clock.now()
    for other in ("", "msg_", "msg_1", "msg_" + "f" * 28, "MSG_" + "0" * 28):
        assert made_at(other) is None, other
