"""Telegram: its Bot API."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from nightshift.channels.base import Call, Channel, Moved, Part, PathFields, TextLimit, get, json_call
from nightshift.channels.vendor_json import dig, id_of, seconds_of
from nightshift.errors import BadCredential, PermanentError
from nightshift.response import Codes, Response

NO_RIGHTS = (PermanentError, "The bot is not allowed to write in this Telegram chat.")


class Telegram(Channel):
    """Messages are sent without `parse_mode`, so no character of the text is markup."""

    type = "TELEGRAM"
    name = "Telegram"
    fields = ("botToken",)
    where = "Write /newbot to @BotFather in Telegram: it answers with the token."
    in_path: ClassVar[PathFields] = {"botToken": re.compile(r"[A-Za-z0-9:_-]+")}
    limit = TextLimit(4096, "characters")
    codes: ClassVar[Codes] = {  # words of its descriptions: a status has many meanings
        "can't initiate": (PermanentError, "The customer has not written to this bot yet: a bot can only answer."),
        "deactivated": (PermanentError, "The customer has deleted their Telegram account."),
        "too long": (PermanentError, "Telegram rejected this message as too long."),
        **dict.fromkeys(["rights", "WRITE_FORBIDDEN", "CHAT_RESTRICTED", "TOPIC_CLOSED"], NO_RIGHTS),
    }
    statuses: ClassVar[Codes] = {
        400: (PermanentError, "Telegram refused this message, most likely because the chat does not exist."),
        401: (BadCredential, "Telegram no longer accepts this bot's token. Set a new one."),
        403: (PermanentError, "The customer has blocked the bot, or the bot was removed from the chat."),
        404: (BadCredential, "Telegram knows no bot with this token. Set a new one."),
    }

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        url = f"{self.base_url}/bot{credentials['botToken']}/sendMessage"
        return json_call(url, {"chat_id": part.to, "text": part.text}, {})

    def probe(self, credentials: Mapping[str, str]) -> Call:
        return get(f"{self.base_url}/bot{credentials['botToken']}/getMe", {})

    def message_id(self, response: Response, part: Part) -> str:
        body = response.vendor_json(self.name)
        if response.ok and body.get("ok", True):
            return id_of(dig(body, "result", "message_id"))
        if moved_to := id_of(dig(body, "parameters", "migrate_to_chat_id")):
            raise Moved("This Telegram group has become a supergroup with a new id.", moved_to)
        response = replace(response, status=_status(body.get("error_code")) or response.status)
        said = next((words for words in self.codes if str(words) in str(body.get("description"))), None)
        raise self.error_of(response, said, seconds_of(dig(body, "parameters", "retry_after")))


def _status(error_code: object) -> int | None:
    """Telegram's error codes are HTTP statuses."""
    return error_code if isinstance(error_code, int) and 400 <= error_code < 600 else None
