"""Slack: chat.postMessage, which reports errors with HTTP 200."""

from collections.abc import Mapping
from typing import ClassVar

from nightshift.channels.base import Call, Channel, Part, TextLimit, json_call
from nightshift.channels.vendor_json import id_of
from nightshift.errors import BadCredential, PermanentError, TemporaryError
from nightshift.response import Codes, Response

REFUSED = "Slack no longer accepts this app's token. Set a new one."
NOT_THERE = "This Slack conversation does not exist, or the app is not in it."
BUSY = "Too many messages were sent through this app. Slack asks us to slow down."
SCOPE = "The Slack app lacks the permission to post here."
MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})  # Slack's three control characters


class Slack(Channel):
    type = "SLACK"
    name = "Slack"
    fields = ("botToken",)
    limit = TextLimit(4000, "escaped")
    codes: ClassVar[Codes] = {
        **dict.fromkeys(
            "invalid_auth account_inactive token_revoked not_authed token_expired".split(), (BadCredential, REFUSED)
        ),
        **dict.fromkeys(
            "service_unavailable fatal_error request_timeout".split(), (TemporaryError, "Slack is having trouble.")
        ),
        **dict.fromkeys("ratelimited rate_limited".split(), (TemporaryError, BUSY)),
        **dict.fromkeys("channel_not_found not_in_channel user_not_found".split(), (PermanentError, NOT_THERE)),
        **dict.fromkeys("missing_scope restricted_action no_permission".split(), (PermanentError, SCOPE)),
        "is_archived": (PermanentError, "This Slack conversation is archived."),
        "msg_too_long": (PermanentError, "Slack rejected this message as too long."),
    }

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        text = part.text.translate(MARKUP)
        return self._call(credentials, "chat.postMessage", {"channel": part.to, "text": text})

    def probe(self, credentials: Mapping[str, str]) -> Call:
        return self._call(credentials, "auth.test", {})

    def message_id(self, response: Response, part: Part) -> str:
        body = response.json_object()
        if response.ok and body.get("ok") is True:
            return id_of(body.get("ts"))
        if response.ok and "error" not in body:
            unreadable = TemporaryError("Slack sent a response that could not be read.")
            unreadable.answer_lost = True
            raise unreadable
        raise self.error_of(response, body.get("error"))

    def _call(self, credentials: Mapping[str, str], method: str, payload: Mapping[str, str]) -> Call:
        headers = {
            "Authorization": f"Bearer {credentials['botToken']}",
            "Content-Type": "application/json; charset=utf-8",  # without the charset Slack answers with a warning
        }
        return json_call(f"{self.base_url}/{method}", payload, headers)
