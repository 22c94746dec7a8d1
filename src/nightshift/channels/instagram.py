"""Instagram: Meta's Send API for professional accounts."""

from collections.abc import Mapping
from typing import ClassVar

from nightshift.channels.base import Part, TextLimit
from nightshift.channels.meta import GONE, PAGE, WINDOW, PageChannel
from nightshift.errors import PermanentError
from nightshift.response import Codes


class Instagram(PageChannel):
    type = "INSTAGRAM"
    name = "Instagram"
    fields = ("accessToken",)
    where = "In Meta for Developers: your app, Instagram, API setup with Instagram login. Generate a token."
    limit = TextLimit(1000, "bytes")
    id_path = ("message_id",)
    codes: ClassVar[Codes] = {**PAGE, 2534014: GONE, 2534022: (PermanentError, WINDOW)}

    def payload(self, part: Part) -> Mapping[str, object]:
        return {"recipient": {"id": part.to}, "message": {"text": part.text}}
