"""The ETags of pages: one that is open asks each second whether it has changed, and is not sent again where it has not."""

import hashlib
import time
from typing import Any

from flask import request
from pydantic_core import to_json

from web.console import assets, session
from web.console.servers import redis_is_away

SAME_SECONDS = 0.2
MAX_TAGS = 5000

# By reader and page: when it was looked at last, and its tag then
_newest: dict[tuple[str, str], tuple[float, str]] = {}


def is_poll() -> bool:
    """Whether a page that is open asks if it has changed: it needs no more than its `data`."""
    return "If-None-Match" in request.headers


def tag_of(basis: Any) -> str:
    """The tag of this page now. Other data, other files or another reader: another tag."""
    tag = hashlib.sha256(to_json([basis, assets.version(), _reader(), redis_is_away()])).hexdigest()[:24]
    _remember(tag)
    return tag


def known() -> str | None:
    """The tag of the open page, where another one that shows the same has just been told so: many cost no more than a few.

    The first request after that moment looks again; those meanwhile do not.
    """
    at, tag = _newest.get((_reader(), request.full_path), (0.0, ""))
    if request.if_none_match.contains_weak(tag):
        if time.monotonic() - at <= SAME_SECONDS:
            return tag
        _remember(tag)
    return None


def _remember(tag: str) -> None:
    if not _reader():  # the sign-in page, which anybody may ask for at any address
        return
    if len(_newest) > MAX_TAGS:
        _newest.clear()
    _newest[_reader(), request.full_path] = (time.monotonic(), tag)


def _reader() -> str:
    """Whose page it is: all of them see the same."""
    who = session.current()
    return who.workspace_id or session.OPERATOR if who else ""
