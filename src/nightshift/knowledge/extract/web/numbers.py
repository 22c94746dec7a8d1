"""The numbers that a browser writes in front of the items of a list."""

import re

from selectolax.lexbor import LexborNode

from nightshift.knowledge.extract.counting import formatted
from nightshift.knowledge.extract.web.dom import ancestors

_STYLES = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_WITHOUT = re.compile(
    r"breadcrumb|unstyled|\blist-(?:none|reset)|carousel|slide|\btab|menu|pagination|references"
    r"|list-style(?:-type)?\s*:\s*none",
    re.IGNORECASE,
)


class Numbers:
    """Counts the items of one `<ol>`."""

    def __init__(self, node: LexborNode) -> None:
        attributes = node.attributes
        self._style = _STYLES.get(attributes.get("type") or "", "decimal")
        self._step = -1 if "reversed" in attributes else 1
        items = sum(child.tag == "li" for child in node.iter()) if self._step < 0 else 1
        self._next = _number(attributes.get("start"), items)

    def label(self, item: LexborNode) -> str:
        number = _number(item.attributes.get("value"), self._next)
        self._next = number + self._step
        return f"{formatted(number, self._style)}. "


def numbers_of(node: LexborNode) -> Numbers | None:
    """The numbers of a list, None where it shows none: as a menu, or as the contents of a book."""
    names = " ".join(node.attributes.get(name) or "" for name in ("class", "role", "style"))
    if node.tag != "ol" or _WITHOUT.search(names) or any(each.tag == "nav" for each in ancestors(node)):
        return None
    return Numbers(node)


def _number(value: str | None, default: int) -> int:
    """What is no number of at most six digits is none."""
    return int(value) if value and re.fullmatch(r"\s*-?\d{1,6}\s*", value) else default
