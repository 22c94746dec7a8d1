"""Splits a text into parts that a vendor accepts."""

import re
from collections.abc import Callable

from nightshift.channels.base import TextLimit
from nightshift.graphemes import last_boundary

PARAGRAPH = re.compile(r"\n[^\S\n]*\n")
LINE = re.compile(r"\n")
SPACE = re.compile(r"[^\S\u00a0\u202f]")  # but the two no-break spaces
BLANK = re.compile(r"\s*")

COST: dict[str, Callable[[str], int]] = {
    "characters": lambda character: 1,
    "bytes": lambda character: len(character.encode("utf-8", "surrogatepass")),
    "utf16": lambda character: 1 + (character > "\uffff"),
    "escaped": lambda character: {"&": 5, "<": 4, ">": 4}.get(character, 1),
}


def split(text: str, limit: TextLimit) -> list[str]:
    """The parts of `text` in order, each within `limit`, none blank; cut at a paragraph, else a line, a space, anywhere.

    Only white space around a cut is lost; a text that fits is returned unchanged. A cut divides no character as a person
    sees it (UAX 29), unless that alone exceeds the limit. Takes linear time. `limit.max` is at least the cost of one code
    point.
    """
    if not text.strip():
        return []
    pieces, start = [], 0
    while (end := _reach(text, start, limit)) < len(text):
        cut = _cut(text, start, end)
        pieces.append(text[start:cut].strip())
        start = _after_blank(text, cut)
    pieces.append(text[start:].strip() if pieces else text)
    return [piece for piece in pieces if piece]


def _reach(text: str, start: int, limit: TextLimit) -> int:
    """The largest end for which text[start:end] is within `limit`."""
    cost, left = COST[limit.unit], limit.max
    for position in range(start, len(text)):
        left -= cost(text[position])
        if left < 0:
            return position
    return len(text)


def _cut(text: str, start: int, end: int) -> int:
    """Where to cut text[start:end], which more text follows: at the last break, else between two characters."""
    for pattern in (PARAGRAPH, LINE, SPACE):
        cuts = [found.start() for found in pattern.finditer(text, start + 1, end + 2) if found.start() <= end]
        if cuts:
            return cuts[-1]
    return last_boundary(text, start, end) if end > start else start + 1


def _after_blank(text: str, position: int) -> int:
    found = BLANK.match(text, position)
    return found.end() if found else position
