"""Messenger: Meta's Send API for pages."""

from collections.abc import Mapping
from typing import ClassVar

from nightshift.channels.base import Part, TextLimit
from nightshift.channels.meta import PAGE, PageChannel
from nightshift.response import Codes


class Messenger(PageChannel):
    type = "MESSENGER"
    name = "Messenger"
    fields = ("pageAccessToken",)
    where = "In Meta for Developers: your app, Messenger, Messenger API Settings. Generate a token for your page."
    limit = TextLimit(2000, "characters")
    id_path = ("message_id",)
    codes: ClassVar[Codes] = PAGE

    def payload(self, part: Part) -> Mapping[str, object]:
        message = {"text": part.text, "metadata": part.report_key}  # which an echo of it repeats
        return {"recipient": {"id": part.to}, "messaging_type": "RESPONSE", "message": message}
