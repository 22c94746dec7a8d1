"""Whether a channel's credentials work is tested by a harmless call, after each PUT and on demand."""

from typing import Any
from uuid import uuid4

from client import Client
from messaging import CREDENTIALS, SECRET, say
from recorder import Answer, Recorder
from stack import wait_for
from standardwebhooks import Webhook

HARMLESS = {
    "WHATSAPP": ("GET", "/whatsapp/1055?fields=id"),
    "TELEGRAM": ("GET", "/telegram/bot{botToken}/getMe"),
    "MESSENGER": ("GET", "/messenger/me?fields=id"),
    "INSTAGRAM": ("GET", "/instagram/me?fields=id"),
    "SLACK": ("POST", "/slack/auth.test"),
    "TWILIO": ("GET", "/twilio/2010-04-01/Accounts/AC1.json"),
    "LINE": ("GET", "/line/v2/bot/info"),
    "DISCORD": ("GET", "/discord/api/v10/users/@me"),
    "WEBHOOK": ("POST", "/hook"),
}
PING = '"type":"ping"'


def put(api: Client, vendors: Recorder, channel: str, **changes: str) -> None:
    credentials = {n: v.replace("{vendors}", vendors.url) for n, v in CREDENTIALS[channel].items()} | changes
    assert api("PUT", f"/v1/channels/{channel}", json={"credentials": credentials}).ok


def result(api: Client, channel: str, before: str = "") -> dict[str, Any]:
    """The channel once it has the result of a test, another one than `before` (by a process whose clock may be behind)."""

    def there() -> dict[str, Any] | None:
        [found] = [c for c in api("GET", "/v1/channels").json()["items"] if c["type"] == channel]
        return found if found["test"] and found["test"]["at"] != before else None

    return dict(wait_for(there))


def test_each_channel_is_tested_after_its_credentials_are_put(api: Client, vendors: Recorder) -> None:
    for channel, (method, path) in HARMLESS.items():
        before = len(vendors.requests)
        put(api, vendors, channel)
        shown = result(api, channel)
        assert (shown["state"], shown["test"]["ok"], shown["test"]["error"]) == ("ACTIVE", True, None), channel
        path = path.format(**CREDENTIALS[channel])
        [asked] = [r for r in vendors.requests[before:] if (r.method, r.path) == (method, path)]
        if channel == "WEBHOOK":
            assert Webhook(SECRET).verify(asked.body, asked.headers)["type"] == "ping"


def test_a_refused_credential_is_found_and_only_that_changes_the_state(api: Client, vendors: Recorder) -> None:
    put(api, vendors, "WEBHOOK")
    shown = result(api, "WEBHOOK")
    for answer in (Answer(500), Answer(403), Answer(silent=True)):
        vendors.script(PING, answer)
        assert api("POST", "/v1/channels/WEBHOOK/test").status_code == 202
        shown = result(api, "WEBHOOK", shown["test"]["at"])
        assert (shown["test"]["ok"], shown["state"]) == (False, "ACTIVE")
        assert shown["test"]["error"].endswith(".")
    vendors.script(PING, Answer(410))
    assert api("POST", "/v1/channels/WEBHOOK/test").status_code == 202
    refused = result(api, "WEBHOOK", shown["test"]["at"])
    assert (refused["state"], refused["test"]["ok"]) == ("REFUSED", False)
    assert refused["reason"] == refused["test"]["error"]
    assert refused["since"] != shown["since"]
    assert say(api, f"word{uuid4().hex}", "WEBHOOK")["status"] == "FAILED"
    put(api, vendors, "WEBHOOK")
    assert result(api, "WEBHOOK")["state"] == "ACTIVE"


def test_there_is_no_test_of_what_has_no_credentials(api: Client) -> None:
    assert api("POST", "/v1/channels/SLACK/test").status_code == 404
    assert api("POST", "/v1/channels/FAX/test").status_code == 404
