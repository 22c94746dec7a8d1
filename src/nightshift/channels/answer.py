"""Reads a vendor's answer, which may be anything at all."""

import json
from typing import Any

from nightshift.response import Response

MOST_ID_CHARACTERS = 500


def accepted(answer: Response) -> bool:
    return 200 <= answer.status < 300


def body_of(answer: Response) -> dict[str, Any]:
    """The answer's JSON object; an empty one for anything else, so that the HTTP status is left to judge by."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def dig(value: Any, *path: str | int) -> Any:
    """What is at `path` inside JSON, None where the path leads nowhere."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def text_of(value: Any) -> str:
    """An id as a vendor gives it, a string or a number; "" for anything else. What no column could hold is left out."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    return "".join(character for character in str(value)[:MOST_ID_CHARACTERS] if character.isprintable())


def seconds_of(value: Any) -> float | None:
    """A wait as a vendor gives it in JSON, None for anything that is not one."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    return float(value) if usable else None
