"""Discord, by a bot that writes into a channel; the customer's id is that channel's."""

from collections.abc import Mapping
from hashlib import sha256
from typing import ClassVar

from nightshift.channels.answer import accepted, body_of, seconds_of, text_of
from nightshift.channels.base import PATH_SAFE, Call, Channel, Codes, Part, TextLimit, json_call
from nightshift.errors import BadCredential, PermanentError
from nightshift.response import Response

NONCE_CHARACTERS = 25
NO_MENTIONS: Mapping[str, list[str]] = {"parse": []}  # an @everyone in a text rings nobody's phone


class Discord(Channel):
    """A second send with the same nonce within a few minutes is answered with the first one's message."""

    type = "DISCORD"
    name = "Discord"
    fields = ("botToken",)
    limit = TextLimit(2000, "characters")
    honours_key = True
    codes: ClassVar[Codes] = {
        10003: (PermanentError, "Discord knows no such channel."),
        50001: (PermanentError, "The bot cannot see this Discord channel."),
        50007: (PermanentError, "The customer does not accept messages from the bot."),
        50013: (PermanentError, "The bot may not write into this Discord channel."),
    }
    statuses: ClassVar[Codes] = {401: (BadCredential, "Discord no longer accepts this bot's token. Put a new one.")}

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        if not PATH_SAFE.fullmatch(part.to):
            raise PermanentError("The customer's id is not that of a Discord channel.")
        payload = {
            "content": part.text,
            "nonce": sha256(part.key.encode()).hexdigest()[:NONCE_CHARACTERS],
            "enforce_nonce": True,
            "allowed_mentions": NO_MENTIONS,
        }
        headers = {
            "Authorization": f"Bot {credentials['botToken']}",
            "User-Agent": "DiscordBot (nightshift, 0.1.0)",  # Discord turns away bots that do not say so
        }
        return json_call(f"{self.base_url}/api/v10/channels/{part.to}/messages", payload, headers)

    def judge(self, answer: Response, part: Part) -> str:
        body = body_of(answer)
        if accepted(answer) and "code" not in body:
            return text_of(body.get("id"))
        raise self.refusal(answer, body.get("code"), seconds_of(body.get("retry_after")))
