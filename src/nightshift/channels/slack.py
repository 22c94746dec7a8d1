"""Slack: chat.postMessage, which reports errors with HTTP 200."""

from collections.abc import Mapping
from typing import ClassVar

from nightshift.channels.base import Call, Channel, Part, TextLimit, json_call
from nightshift.channels.vendor_json import id_of
from nightshift.errors import BadCredential, PermanentError, TemporaryError
from nightshift.response import Codes, Response, unreadable

REFUSED = "Set a new token: Slack no longer accepts this one"
NOT_THERE = "This Slack conversation does not exist, or the app is not in it"
BUSY = "Slack asks us to slow down: too many messages were sent through this app"
SCOPE = "The Slack app lacks the permission to post here"
MAYBE_SENT = ("fatal_error", "internal_error", "request_timeout")  # "some aspect of the operation may have succeeded"
MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})  # Slack's three control characters


def named(errors: str, kind: type[PermanentError] | type[TemporaryError], sentence: str) -> Codes:
    """One meaning of several of Slack's errors; the sentence names the one that came."""
    return {error: (kind, f"{sentence} ({error}).") for error in errors.split()}


class Slack(Channel):
    type = "SLACK"
    name = "Slack"
    fields = ("botToken",)
    where = "At api.slack.com/apps: your app, OAuth & Permissions. It is the Bot User OAuth Token (xoxb-…)."
    limit = TextLimit(4000, "escaped")
    codes: ClassVar[Codes] = {
        **named(
            "invalid_auth account_inactive token_revoked not_authed token_expired not_allowed_token_type"
            " team_access_not_granted",
            BadCredential,
            REFUSED,
        ),
        **named(" ".join(["service_unavailable", *MAYBE_SENT]), TemporaryError, "Slack is having trouble"),
        **named("team_added_to_org org_login_required", TemporaryError, "This Slack workspace is being moved"),
        **named("external_channel_migrating", TemporaryError, "This Slack conversation is being moved"),
        **named("ratelimited rate_limited", TemporaryError, BUSY),
        **named("channel_not_found not_in_channel user_not_found", PermanentError, NOT_THERE),
        **named("missing_scope restricted_action no_permission", PermanentError, SCOPE),
        **named(
            "ekm_access_denied", PermanentError, "The administrators of this Slack workspace have suspended messages"
        ),
        **named("is_archived", PermanentError, "This Slack conversation is archived"),
        **named("msg_too_long", PermanentError, "Slack rejected this message as too long"),
    }

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        text = part.text.translate(MARKUP)
        return self._call(credentials, "chat.postMessage", {"channel": part.to, "text": text})

    def probe(self, credentials: Mapping[str, str]) -> Call:
        return self._call(credentials, "auth.test", {})

    def message_id(self, response: Response, part: Part) -> str:
        body = response.vendor_json(self.name)
        if response.ok and body.get("ok") is True:
            return id_of(body.get("ts"))
        if response.ok and "error" not in body:
            raise unreadable(self.name)
        error = self.error_of(response, body.get("error"))
        if isinstance(error, TemporaryError):
            error.answer_lost = body.get("error") in MAYBE_SENT
        raise error

    def _call(self, credentials: Mapping[str, str], method: str, payload: Mapping[str, str]) -> Call:
        headers = {
            "Authorization": f"Bearer {credentials['botToken']}",
            "Content-Type": "application/json; charset=utf-8",  # without the charset Slack answers with a warning
        }
        return json_call(f"{self.base_url}/{method}", payload, headers)
