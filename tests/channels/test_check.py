"""Invalid credentials are refused with the field's name, never with its value."""

import base64

import pytest

from nightshift.channels import CHANNELS

GOOD = {
    "WHATSAPP": {"accessToken": "EAAxyz", "phoneNumberId": "106540352242922"},
    "TELEGRAM": {"botToken": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"},
    "MESSENGER": {"pageAccessToken": "EAAp"},
    "INSTAGRAM": {"accessToken": "IGQV"},
    "SLACK": {"botToken": "xoxb-123-456-abc"},
    "TWILIO": {"accountSid": "AC" + "0" * 32, "authToken": "a" * 32, "from": "+15005550006"},
    "LINE": {"channelAccessToken": "abc+/def=="},
    "DISCORD": {"botToken": "MTk4NjIy.Cl2FMQ.Zn-nw"},
    "WEBHOOK": {"url": "https://hooks.example.com/x?y=1", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
}


@pytest.mark.parametrize("type_", GOOD)
def test_valid_credentials_are_accepted(type_: str) -> None:
    CHANNELS[type_].check(GOOD[type_])


@pytest.mark.parametrize(
    ("type_", "field", "value"),
    [
        ("TWILIO", "from", "whatsapp:+14155238886"),
        ("TWILIO", "from", "Acme Shop"),
        ("TWILIO", "from", "MG0123456789"),
        ("WEBHOOK", "url", "http://hooks.example.com"),
        ("WEBHOOK", "secret", base64.b64encode(bytes(32)).decode()),
        ("WEBHOOK", "secret", "whsec_" + base64.b64encode(bytes(25)).decode().rstrip("=")),
    ],
)
def test_other_valid_forms_are_accepted(type_: str, field: str, value: str) -> None:
    CHANNELS[type_].check({**GOOD[type_], field: value})


HEADERS = ["", " ", "tok en", "token\n", "token\r\nX-Evil: 1", "tok\x00en", "tøken", "\ttoken", "token\u2028"]
PATHS = ["1/2", "../1", "..", "1?a=b", "1#x", "1%2f", "1@evil.example", "a\\b", "1:2@h", "1;2", "٣"]


@pytest.mark.parametrize(
    ("type_", "field", "value"),
    [
        *[
            (type_, field, value)
            for type_, credentials in GOOD.items()
            for field in credentials
            if (type_, field) != ("TWILIO", "from")
            for value in HEADERS
        ],
        *[("TWILIO", "from", value) for value in ("", " ", "+1\r\n2", "+1\x002", "Äcme")],
        *[
            (type_, field, value)
            for type_, field in (("WHATSAPP", "phoneNumberId"), ("TELEGRAM", "botToken"), ("TWILIO", "accountSid"))
            for value in PATHS
        ],
        ("TWILIO", "accountSid", "AC1:x"),  # a colon would move the border between user name and password
        *[
            ("WEBHOOK", "url", value)
            for value in (
                "ftp://x.example",
                "x.example",
                "https://u:p@x.example",
                "https://x.example:8443",
                "http://127.1",
            )
        ],
        *[
            ("WEBHOOK", "secret", value)
            for value in (
                "whsec_",
                "whsec_a",
                "not base64!",
                "abcd efgh",
                "abcdefgh!!!!",
                "whsec_whsec_AAAA",
                "whsec_AA=A",
            )
        ],
    ],
)
def test_an_invalid_value_is_refused(type_: str, field: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field}\b.*\.$") as caught:
        CHANNELS[type_].check({**GOOD[type_], field: value})
    assert len(value.strip()) < 3 or value == "whsec_" or value not in str(caught.value)
