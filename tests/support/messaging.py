"""What the tests of messages share: credentials for each channel, and saying something to a customer."""

from typing import Any

from client import Client
from recorder import Recorder
from stack import wait_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CREDENTIALS: dict[str, dict[str, str]] = {
    "WHATSAPP": {"accessToken": "token-whatsapp", "phoneNumberId": "1055"},
    "TELEGRAM": {"botToken": "123:token-telegram"},
    "MESSENGER": {"pageAccessToken": "token-messenger"},
    "INSTAGRAM": {"accessToken": "token-instagram"},
    "SLACK": {"botToken": "token-slack"},
    "TWILIO": {"accountSid": "AC1", "authToken": "token-twilio", "from": "+15005550006"},
    "LINE": {"channelAccessToken": "token-line"},
    "DISCORD": {"botToken": "token-discord"},
    "WEBHOOK": {"url": "{vendors}/hook", "secret": SECRET},
}


def put(api: Client, channel: str, vendors: Recorder) -> None:
    credentials = {name: value.replace("{vendors}", vendors.url) for name, value in CREDENTIALS[channel].items()}
    answer = api("PUT", f"/v1/channels/{channel}", json={"credentials": credentials})
    assert answer.status_code in (200, 204), answer.text


def say(api: Client, content: str, channel: str = "TELEGRAM", customer: str = "customer") -> dict[str, Any]:
    body = {"channelType": channel, "customerId": customer, "content": content}
    answer = api("POST", f"/v1/agents/{api.agent_id}/messages", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def message(api: Client, message_id: str) -> dict[str, Any]:
    return dict(api("GET", f"/v1/messages/{message_id}").json())


def trying(api: Client, message_id: str, attempts: int) -> dict[str, Any] | None:
    """The message once so many of its attempts have ended, and it is not being sent at the moment."""
    shown = message(api, message_id)
    return shown if len(shown["attempts"]) == attempts and shown["status"] != "SENDING" else None


def settled(api: Client, message_id: str) -> dict[str, Any]:
    def final() -> dict[str, Any] | None:
        shown = message(api, message_id)
        return shown if shown["status"] in ("SENT", "FAILED") else None

    return dict(wait_for(final, explain=lambda: str(message(api, message_id))))
