"""Discord: a bot posts in a channel, whose id is the customer's id."""

from collections.abc import Mapping
from hashlib import sha256
from typing import ClassVar

from nightshift.channels.base import PATH_SAFE, Call, Channel, Part, TextLimit, get, json_call
from nightshift.channels.vendor_json import id_of, seconds_of
from nightshift.errors import BadCredential, PermanentError, TemporaryError
from nightshift.response import Codes, Response
from nightshift.version import VERSION

SLOWMODE = 20016  # of one conversation: it may be hours
REFUSED = "Discord no longer accepts this bot's token. Set a new one."
NONCE_CHARACTERS = 25
NO_MENTIONS: Mapping[str, list[str]] = {"parse": []}  # @everyone in a text notifies nobody


class Discord(Channel):
    """Discord answers a second request with the same nonce within a few minutes with the first message."""

    type = "DISCORD"
    name = "Discord"
    fields = ("botToken",)
    where = "In the Discord Developer Portal: your application, Bot. Reset the token and copy it."
    limit = TextLimit(2000, "characters")
    honours_key = True
    codes: ClassVar[Codes] = {
        10003: (PermanentError, "This Discord channel does not exist."),
        50001: (PermanentError, "The bot has no access to this Discord channel."),
        **dict.fromkeys([50007, 50278], (PermanentError, "The customer does not accept messages from the bot.")),
        **dict.fromkeys([40058, 50008], (PermanentError, "This Discord channel takes no text messages.")),
        **dict.fromkeys([50083, 160005], (PermanentError, "This Discord thread is archived or locked.")),
        **dict.fromkeys([200000, 200001], (PermanentError, "Discord's automatic moderation blocked this message.")),
        50013: (PermanentError, "The bot is not allowed to post in this Discord channel."),
        **dict.fromkeys([40001, 50014], (BadCredential, REFUSED)),
        **dict.fromkeys([20028, 20029, 40062], (TemporaryError, "Discord asks us to slow down.")),
        SLOWMODE: (TemporaryError, "This Discord channel is in slow mode."),
        **dict.fromkeys([40004, 40006], (TemporaryError, "Discord has switched off sending for the moment.")),
        **dict.fromkeys([110001, 130000], (TemporaryError, "Discord is overloaded.")),
    }
    statuses: ClassVar[Codes] = {401: (BadCredential, REFUSED)}

    def call(self, credentials: Mapping[str, str], part: Part) -> Call:
        if not PATH_SAFE.fullmatch(part.to):
            raise PermanentError("The customer's id is not a Discord channel id.")
        payload = {
            "content": part.text,
            "nonce": sha256(part.key.encode()).hexdigest()[:NONCE_CHARACTERS],
            "enforce_nonce": True,
            "allowed_mentions": NO_MENTIONS,
        }
        return json_call(f"{self.base_url}/api/v10/channels/{part.to}/messages", payload, self._headers(credentials))

    def probe(self, credentials: Mapping[str, str]) -> Call:
        return get(f"{self.base_url}/api/v10/users/@me", self._headers(credentials))

    def message_id(self, response: Response, part: Part) -> str:
        body = response.vendor_json(self.name)
        if response.ok and "code" not in body:
            return id_of(body.get("id"))
        scope = "lane" if body.get("code") == SLOWMODE else "account"
        raise self.error_of(response, body.get("code"), seconds_of(body.get("retry_after")), scope)

    def _headers(self, credentials: Mapping[str, str]) -> dict[str, str]:
        return {
            "Authorization": f"Bot {credentials['botToken']}",
            "User-Agent": f"DiscordBot (nightshift, {VERSION})",  # Discord rejects bots without it
        }
