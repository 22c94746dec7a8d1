"""The elements of an HTML page in the order in which a browser shows them."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

MAX_DEPTH = 500  # as in browsers: the parser's time grows with the square of the depth

# XHTML allows these to close themselves; in HTML they would contain all that follows.
_SELF_CLOSED = re.compile(r"<(title|script|style|textarea|iframe|noscript)\b([^<>]*)/>", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s<>/]*)[^<>]*>")
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_RAW = frozenset("iframe script style textarea title".split())
# What ends where another one begins, although its end is not written.
_ENDED_BY = {
    name: frozenset(ended.split())
    for names, ended in {
        "li": "p li",
        "dd dt": "p dd dt",
        "td th": "p td th",
        "tr": "p td th tr",
        "tbody thead tfoot": "p td th tr tbody thead tfoot",
        "p option rt rp": "p option rt rp",
    }.items()
    for name in names.split()
}
_ICONS = re.compile(r"\bmaterial-(?:icons|symbols)")
_WITHOUT_TEXT = frozenset("br hr i img input link meta script style svg template".split())
_INLINE = frozenset("a b em i small span strong svg".split())

Skip = Callable[[LexborNode], bool]


def parse(html: str) -> LexborNode | None:
    """The page's body. Elements deeper than `MAX_DEPTH` are lifted out of their parents."""
    flat = _TAG.sub(_Depth().kept, _SELF_CLOSED.sub(r"<\1\2></\1>", html))
    return LexborHTMLParser(flat, options=LexborDocumentOptions.WO_EVENTS).body


class _Depth:
    """The open elements while tags pass by."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._left_out: Counter[str] = Counter()
        self._raw = ""  # the open script or style: what looks like tags in it is none

    def kept(self, tag: re.Match[str]) -> str:
        """The tag; nothing where its element is too deep."""
        name = tag[2].lower()
        if self._raw and not (tag[1] and name == self._raw):
            return tag[0]
        self._raw = name if name in _RAW and not tag[1] else ""
        if name in _VOID or tag[0].endswith("/>"):
            return tag[0]
        if tag[1]:
            return self._end(name, tag[0])
        while self._open and self._open[-1] in _ENDED_BY.get(name, ()):
            self._open.pop()
        if len(self._open) < MAX_DEPTH:
            self._open.append(name)
            return tag[0]
        self._left_out[name] += 1
        return ""

    def _end(self, name: str, tag: str) -> str:
        if self._left_out[name]:
            self._left_out[name] -= 1
            return ""
        while name in self._open and self._open.pop() != name:
            pass
        return tag


@dataclass
class _Slots:
    """The children of an element with a shadow root, by the slots they go into."""

    nodes: dict[str, list[LexborNode]]
    outer: "_Slots | None"


def walk(root: LexborNode, skip: Skip) -> Iterator[tuple[LexborNode, bool]]:
    """Each node at its start (True), each element also at its end (False), with declarative shadow roots in place.

    Linear, and without recursion.
    """
    stack: list[tuple[LexborNode, bool, _Slots | None]] = [(root, True, None)]
    while stack:
        node, entering, slots = stack.pop()
        if entering and skip(node):
            continue
        yield node, entering
        if entering and not node.is_text_node:
            stack.append((node, False, None))
            children, inner = _shown(node, slots)
            stack.extend((child, True, inner) for child in reversed(children))


def _shown(node: LexborNode, slots: _Slots | None) -> tuple[list[LexborNode], _Slots | None]:
    """The nodes that a browser shows in this one: its children, those of its shadow root, or those of a slot."""
    if node.tag == "slot" and slots and (light := slots.nodes.pop(node.attributes.get("name") or "", None)):
        return light, slots.outer
    children = list(node.iter(include_text=True))
    root = next((child for child in children if child.tag == "template" and _is_shadow_root(child)), None)
    if root is None:
        return children, slots
    assigned = _Slots({}, slots)
    for child in children:
        if child.tag != "template":
            slot = "" if child.is_text_node else child.attributes.get("slot") or ""
            assigned.nodes.setdefault(slot, []).append(child)
    return list(root.template_fragments()[0].iter(include_text=True)), assigned


def _is_shadow_root(template: LexborNode) -> bool:
    return not {"shadowrootmode", "shadowroot"}.isdisjoint(template.attributes)


def is_icon(node: LexborNode) -> bool:
    """Whether the element's text is the name of an icon, or hidden from screen readers inside a line: not words.

    So is the sign of a link to the heading it stands in.
    """
    if node.tag not in _INLINE:
        return False
    attributes = node.attributes
    if node.tag == "a" and "#" in (attributes.get("href") or ""):
        return bool(text := node.text().strip()) and not any(map(str.isalnum, text))
    return attributes.get("aria-hidden") == "true" or bool(_ICONS.search(attributes.get("class") or ""))


def next_element(node: LexborNode | None) -> LexborNode | None:
    """The next sibling that can hold text."""
    return _sibling(node, "next")


def previous_element(node: LexborNode | None) -> LexborNode | None:
    return _sibling(node, "prev")


def _sibling(node: LexborNode | None, side: str) -> LexborNode | None:
    while (node := getattr(node, side, None)) is not None:
        if node.is_element_node and node.tag not in _WITHOUT_TEXT:
            break
    return node


def ancestors(node: LexborNode, limit: int = MAX_DEPTH) -> Iterator[LexborNode]:
    """The elements around this one, from the nearest, at most `limit`."""
    parent = node.parent
    while parent is not None and limit:
        yield parent
        parent, limit = parent.parent, limit - 1
