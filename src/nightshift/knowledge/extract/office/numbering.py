"""The numbers that Word writes in front of headings and list items."""

import re
from collections.abc import Iterable
from functools import cache

from lxml import etree

from nightshift.knowledge.extract.archive import attribute_of
from nightshift.knowledge.extract.counting import formatted

_PLACE = re.compile(r"%([1-9])")


class Numbering:
    """Counts paragraphs as Word does: lists of one definition count on, unless their own one starts them again."""

    def __init__(self, roots: Iterable[etree._Element], links: dict[str, str]) -> None:
        """`links`: from a numbering style to the list it names."""
        self._definitions: dict[str, dict[int, etree._Element]] = {}
        self._lists: dict[str, tuple[str, dict[int, int]]] = {}  # its definition, and the numbers it starts at
        self._counts: dict[str, dict[int, int]] = {}
        linked: dict[str, str] = {}
        for root in roots:
            for definition in root.iterfind("{*}abstractNum"):
                key = attribute_of(definition, "abstractNumId")
                self._definitions[key] = {_number(level, "ilvl"): level for level in definition.iterfind("{*}lvl")}
                if link := value_of(definition, "numStyleLink"):
                    linked[key] = link
            for found in root.iterfind("{*}num"):
                self._read(found)
        for key, style in linked.items():
            target = self._lists.get(links.get(style, ""), ("", {}))[0]
            self._definitions[key] = self._definitions.get(target, {})

    def _read(self, found: etree._Element) -> None:
        starts = {}
        definition = value_of(found, "abstractNumId")
        for override in found.iterfind("{*}lvlOverride"):
            level = _number(override, "ilvl")
            if start := value_of(override, "startOverride"):
                starts[level] = int(start)
            if (own := override.find("{*}lvl")) is not None:
                key = f"{definition}/{attribute_of(found, 'numId')}"
                self._definitions[key] = {**self._definitions.get(definition, {}), level: own}
                definition = key
        self._lists[attribute_of(found, "numId")] = (definition, starts)

    def level_of(self, list_id: str, style: str) -> int | None:
        """The level of a list that is tied to a paragraph style."""
        levels = self._definitions.get(self._lists.get(list_id, ("", {}))[0], {})
        return next((number for number, level in levels.items() if value_of(level, "pStyle") == style), None)

    def label(self, list_id: str, number: int) -> str:
        """The label of the next paragraph on this level of a list; "" for a bullet, or without a list."""
        definition, starts = self._lists.get(list_id, ("", {}))
        levels = self._definitions.get(definition, {})
        if number not in levels:
            return ""
        counts = self._counts.setdefault(definition, {})
        if number in starts:
            counts[number] = starts.pop(number) - 1
        counts[number] = counts.get(number, _start(levels[number]) - 1) + 1
        for deeper in [level for level in counts if level > number and value_of(levels[level], "lvlRestart") != "0"]:
            del counts[deeper]
        if value_of(levels[number], "numFmt") == "bullet":
            return ""
        legal = levels[number].find("{*}isLgl") is not None

        def shown(place: re.Match[str]) -> str:
            level = levels.get(int(place[1]) - 1)
            if level is None:
                return ""
            count = counts.setdefault(int(place[1]) - 1, _start(level))
            return formatted(count, "decimal" if legal else value_of(level, "numFmt"))

        return _PLACE.sub(shown, value_of(levels[number], "lvlText")).strip()


def value_of(element: etree._Element, path: str) -> str:
    """The `val` of an element below; "" without one."""
    found = element.find(_any_namespace(path))
    return "" if found is None else attribute_of(found, "val")


@cache
def _any_namespace(path: str) -> str:
    return "/".join("{*}" + step for step in path.split("/"))


def _start(level: etree._Element) -> int:
    return int(value_of(level, "start") or 1)


def _number(element: etree._Element, name: str) -> int:
    return int(attribute_of(element, name) or 0)
