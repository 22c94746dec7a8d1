"""Slack, by chat.postMessage. It reports errors inside HTTP 200."""

from collections.abc import Mapping
from typing import ClassVar

from nightshift.channels.answer import accepted, body_of, text_of
from nightshift.channels.base import Call, Channel, Codes, Part, TextLimit, json_call
from nightshift.errors import BadCredential, PermanentError, TemporaryError
from nightshift.response import Response

REFUSED = "Slack no longer accepts this app's token. Put a new one."
NOT_THERE = "Slack knows no such conversation, or the app is not in it."
BUSY = "Too many messages went out through this app. Slack asks us to slow down."
SCOPE = "The Slack app lacks a permission to write here."
MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})  # the three characters Slack reads as control


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
        "msg_too_long": (PermanentError, "Slack finds this message too long."),
    }

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        headers = {
            "Authorization": f"Bearer {credentials['botToken']}",
            "Content-Type": "application/json; charset=utf-8",  # without the charset Slack answers with a warning
        }
        text = part.text.translate(MARKUP)
        return json_call(f"{self.base_url}/chat.postMessage", {"channel": part.to, "text": text}, headers)

    def judge(self, answer: Response, part: Part) -> str:
        body = body_of(answer)
        if accepted(answer) and body.get("ok") is True:
            return text_of(body.get("ts"))
        if accepted(answer) and "error" not in body:
            unreadable = TemporaryError("Slack gave an answer that could not be read.")
            unreadable.answer_lost = True
            raise unreadable
        raise self.refusal(answer, body.get("error"))
