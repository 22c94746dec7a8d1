"""The elements of an HTML page in the order in which a browser shows them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

MAX_DEPTH = 500  # as in browsers: the parser's time grows with the square of the depth

# XHTML allows these to close themselves; in HTML they would contain all that follows.
_SELF_CLOSED = re.compile(r"<(title|script|style|textarea|iframe|noscript)\b([^<>]*)/>", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s<>/]*)[^<>]*>")
# These end by themselves: many in a row without an end are not nested.
_SHALLOW = frozenset(
    "area base br col colgroup dd dt embed hr img input li link meta option p rp rt source tbody td tfoot th thead tr "
    "track wbr".split()
)
_ICONS = re.compile(r"\bmaterial-(?:icons|symbols)")
_WITHOUT_TEXT = frozenset("br hr i img input link meta script style svg template".split())
_INLINE = frozenset("a b em i small span strong svg".split())

Skip = Callable[[LexborNode], bool]


def parse(html: str) -> LexborNode | None:
    """The page's body. Elements deeper than `MAX_DEPTH` are lifted out of their parents."""
    return LexborHTMLParser(_TAG.sub(_Depth().kept, _SELF_CLOSED.sub(r"<\1\2></\1>", html))).body


@dataclass
class _Depth:
    depth: int = 0

    def kept(self, tag: re.Match[str]) -> str:
        """The tag; nothing where its element is too deep."""
        if tag[2].lower() in _SHALLOW or tag[0].endswith("/>"):
            return tag[0]
        deepest = self.depth if tag[1] else self.depth + 1
        self.depth = max(self.depth + (-1 if tag[1] else 1), 0)
        return "" if deepest > MAX_DEPTH else tag[0]


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
    """Whether the element's text is the name of an icon, or hidden from screen readers inside a line: not words."""
    if node.tag not in _INLINE:
        return False
    attributes = node.attributes
    return attributes.get("aria-hidden") == "true" or bool(_ICONS.search(attributes.get("class") or ""))


def next_element(node: LexborNode | None) -> LexborNode | None:
    """The next sibling that can hold text."""
    while node is not None:
        node = node.next
        if node is not None and node.is_element_node and node.tag not in _WITHOUT_TEXT:
            return node
    return None


def previous_element(node: LexborNode | None) -> LexborNode | None:
    while node is not None:
        node = node.prev
        if node is not None and node.is_element_node and node.tag not in _WITHOUT_TEXT:
            return node
    return None


def ancestors(node: LexborNode, limit: int = MAX_DEPTH) -> Iterator[LexborNode]:
    """The elements around this one, from the nearest, at most `limit`."""
    parent = node.parent
    while parent is not None and limit:
        yield parent
        parent, limit = parent.parent, limit - 1
