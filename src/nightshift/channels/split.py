"""Cuts a text into pieces a vendor takes."""

import re
import unicodedata
from collections.abc import Callable

from nightshift.channels.base import TextLimit

PARAGRAPH = re.compile(r"\n[^\S\n]*\n")
LINE = re.compile(r"\n")
SPACE = re.compile(r"[^\S\u00a0\u202f]")  # the two no-break spaces say that they are not to be cut at
BLANK = re.compile(r"\s*")
ZERO_WIDTH_JOINER = "\u200d"
JOINS = re.compile("[\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")  # joiner, skin tones, tags of flags
FLAG = re.compile("[\U0001f1e6-\U0001f1ff]")  # two of these are one flag

COST: dict[str, Callable[[str], int]] = {
    "characters": lambda character: 1,
    "bytes": lambda character: len(character.encode("utf-8", "surrogatepass")),
    "utf16": lambda character: 1 + (character > "\uffff"),
    "escaped": lambda character: {"&": 5, "<": 4, ">": 4}.get(character, 1),
}


def split(text: str, limit: TextLimit) -> list[str]:
    """`text` in pieces within `limit`, none blank, in order: cut at a paragraph, else a line, else a space, else hard.

    Only white space around a cut is lost; a text that fits is one piece, as it is. A hard cut does not part a letter
    from its accent, nor an emoji, unless that alone is over the limit. In time linear in the text. `limit.most` is at
    least what one character costs.
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
    """The furthest end for which text[start:end] is within `limit`."""
    cost, left = COST[limit.unit], limit.most
    for position in range(start, len(text)):
        left -= cost(text[position])
        if left < 0:
            return position
    return len(text)


def _cut(text: str, start: int, end: int) -> int:
    """Where to cut text[start:end], which is followed by more: the last break, else between two characters."""
    for pattern in (PARAGRAPH, LINE, SPACE):
        cuts = [found.start() for found in pattern.finditer(text, start + 1, end + 2) if found.start() <= end]
        if cuts:
            return cuts[-1]
    whole = end
    while whole > start and _joined(text, start, whole):
        whole -= 1
    return whole if whole > start else max(end, start + 1)


def _after_blank(text: str, position: int) -> int:
    found = BLANK.match(text, position)
    return found.end() if found else position


def _joined(text: str, start: int, position: int) -> bool:
    """Whether what is at `position` belongs to the character before it."""
    here, before = text[position], text[position - 1]
    if before == ZERO_WIDTH_JOINER or JOINS.match(here) or unicodedata.category(here).startswith("M"):
        return True
    return bool(FLAG.match(here)) and _flags_before(text, start, position) % 2 == 1


def _flags_before(text: str, start: int, position: int) -> int:
    first = position
    while first > start and FLAG.match(text[first - 1]):
        first -= 1
    return position - first
