"""The registry of channels. To add one: a file like line.py, a line below, its base URL in settings, its rows in the tests."""

from nightshift.channels.base import Channel
from nightshift.channels.discord import Discord
from nightshift.channels.instagram import Instagram
from nightshift.channels.line import Line
from nightshift.channels.messenger import Messenger
from nightshift.channels.slack import Slack
from nightshift.channels.telegram import Telegram
from nightshift.channels.twilio import Twilio
from nightshift.channels.webhook import Webhook
from nightshift.channels.whatsapp import WhatsApp

CHANNELS: dict[str, Channel] = {
    channel.type: channel
    for channel in (
        WhatsApp(),
        Telegram(),
        Messenger(),
        Instagram(),
        Slack(),
        Twilio(),
        Line(),
        Discord(),
        Webhook(),
    )
}
