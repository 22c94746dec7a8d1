"""Telegram, by its Bot API."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from nightshift.channels.answer import accepted, body_of, dig, seconds_of, text_of
from nightshift.channels.base import Call, Channel, Codes, Moved, Part, PathFields, TextLimit, json_call
from nightshift.errors import BadCredential, PermanentError
from nightshift.response import Response


class Telegram(Channel):
    """Without `parse_mode` the text is text: no character of it is markup."""

    type = "TELEGRAM"
    name = "Telegram"
    fields = ("botToken",)
    in_path: ClassVar[PathFields] = {"botToken": re.compile(r"[A-Za-z0-9:_-]+")}
    limit = TextLimit(4096, "characters")
    statuses: ClassVar[Codes] = {
        400: (PermanentError, "Telegram refused this message: most likely it does not know the chat."),
        401: (BadCredential, "Telegram no longer accepts this bot's token. Put a new one."),
        403: (PermanentError, "The customer has blocked the bot, or it was removed from the chat."),
        404: (PermanentError, "Telegram knows no such bot or method."),
    }

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        url = f"{self.base_url}/bot{credentials['botToken']}/sendMessage"
        return json_call(url, {"chat_id": part.to, "text": part.text}, {})

    def judge(self, answer: Response, part: Part) -> str:
        body = body_of(answer)
        if accepted(answer) and body.get("ok", True):
            return text_of(dig(body, "result", "message_id"))
        if moved_to := text_of(dig(body, "parameters", "migrate_to_chat_id")):
            raise Moved("This Telegram group has become a supergroup with an id of its own.", moved_to)
        answer = replace(answer, status=_status(body.get("error_code")) or answer.status)
        raise self.refusal(answer, wait=seconds_of(dig(body, "parameters", "retry_after")))


def _status(error_code: object) -> int | None:
    """Telegram's own codes are HTTP's."""
    return error_code if isinstance(error_code, int) and 400 <= error_code < 600 else None
