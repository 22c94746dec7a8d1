"""What the markup of an element says about it: that it is hidden, a control, a title, or a panel made to be opened."""

import re
from collections.abc import Iterator, Mapping

from selectolax.lexbor import LexborNode

from nightshift.knowledge.extract.web.dom import ancestors, is_icon, next_element, previous_element, walk

HEADINGS = {f"h{level}": level for level in range(1, 7)}
_STYLE = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
# In classes, ids, roles and names of attributes: what is made to be opened, and what a reader of the page never needs.
_PANEL = re.compile(r"accord|collaps|faq|answer|tab(?:bed)?-?(?:pane|content|body|item|block)|\btabs?\b|tabpanel|panel|toggle|"
                    r"disclos|expand|x-show|v-show|ng-show|data-tab", re.IGNORECASE)  # fmt: skip
_TITLE = re.compile(r"question|accord|toggle|trigger|expand|collaps|faq|tab-?title|\bonclick", re.IGNORECASE)
_ANSWER = re.compile(r"answer|content|body|panel|descri|detail", re.IGNORECASE)
_NEVER = re.compile(
    r"alert|banner|consent|cookie|dialog|dropdown|error|lightbox|listbox|loader|loading|menu|modal|notif|offcanvas|overlay|"
    r"popup|popover|\bsearch|skeleton|spinner|template|toast|tooltip|\bvalidat|warning",
    re.IGNORECASE,
)
_TOGGLES = ("tab", "pill", "collapse")
_SIGNED = ("class", "id", "role", "itemprop")
MAX_TITLE = 200  # characters: what is longer is no title

Attributes = Mapping[str, str | None]


def level_of(node: LexborNode) -> int | None:
    """The level of a heading, by its tag or by its role."""
    level = HEADINGS.get(node.tag or "")
    if level is None and (attributes := node.attributes).get("role") == "heading":
        return int(named) if (named := attributes.get("aria-level") or "2") in "123456789" else 2
    return level


def words(node: LexborNode) -> str:
    """The text of an element as one line, without its icons."""
    texts = (part.text_content or "" for part, _ in walk(node, _is_silent) if part.is_text_node)
    return " ".join("".join(texts).split())


def _is_silent(node: LexborNode) -> bool:
    return node.tag in ("script", "style", "template", "rt", "rp", "svg", "-comment") or is_icon(node)


def is_hidden(attributes: Attributes) -> bool:
    return "hidden" in attributes or bool(_STYLE.search(attributes.get("style") or ""))


def is_panel(node: LexborNode) -> bool:
    """Whether an element says by its names that it is made to be opened."""
    return bool(_PANEL.search(_signature(node)))


def is_beside(node: LexborNode) -> bool:
    """Whether an element says by its names that it is no part of the text, such as a dialog."""
    return bool(_NEVER.search(_signature(node)))


def is_title(node: LexborNode) -> bool:
    """Whether an element that is no heading says by its names that it is a question, or the title of a panel."""
    if node.tag in HEADINGS or not _TITLE.search(_signature(node)):
        return False
    panel = next_element(node)
    if panel is None or not is_panel(panel) or len(words(node)) > MAX_TITLE:
        return False
    if any(part.mem_id != node.mem_id for part in node.css("h1, h2, h3, h4, h5, h6, button, details, [role=button]")):
        return False
    boxes = [part for part in node.css("div, p") if part.mem_id != node.mem_id]
    whole = all(words(box) in ("", words(node)) for box in boxes)  # a box around all of it, or an icon's
    return not boxes or (whole and not _ANSWER.search(_signature(node)))


def is_control(node: LexborNode, attributes: Attributes) -> bool:
    return (
        node.tag == "button"
        or (node.tag == "label" and "for" in attributes)
        or (node.tag == "a" and (attributes.get("href") or "").startswith("#"))
        or attributes.get("role") in ("button", "tab")
        or not {"aria-expanded", "aria-controls"}.isdisjoint(attributes)
    )


def targets(attributes: Attributes) -> Iterator[str]:
    """The ids of what a control names as its panel."""
    for name in ("aria-controls", "data-bs-target", "data-target", "href"):
        yield from ((attributes.get(name) or "").removeprefix("#").split())[:1]


def opens(control: LexborNode, attributes: Attributes, panel: LexborNode) -> bool:
    """Whether the control shows and hides the panel, and the panel is a part of the page's text."""
    popup = attributes.get("aria-haspopup") not in (None, "", "false")
    if popup or panel.tag in ("dialog", "nav") or is_beside(panel) or control.tag == "body":
        return False
    tab = (
        attributes.get("role") == "tab"
        or (attributes.get("data-bs-toggle") or attributes.get("data-toggle")) in _TOGGLES
    )
    if not tab and _is_in_menu(control):
        return False
    return tab or "aria-expanded" in attributes or is_hidden(panel.attributes) or (
        panel.tag not in HEADINGS and is_panel(panel)
    )  # fmt: skip


def is_switch(box: LexborNode | None) -> bool:
    return box is not None and box.attributes.get("type") in ("checkbox", "radio")


def can_be_found(node: LexborNode, attributes: Attributes) -> bool:
    """Whether a hidden element belongs to the text although no control of its own was found."""
    signature = _signature(node)
    if attributes.get("hidden") == "until-found":
        return True
    before = previous_element(node)
    if before is None or _NEVER.search(signature) or _is_in_menu(node):
        return False
    opener = before.tag in HEADINGS or before.tag in ("dt", "summary") or bool(_TITLE.search(_signature(before)))
    return bool(_PANEL.search(signature)) or (opener and node.tag not in ("span", "a", "i"))


def _is_in_menu(node: LexborNode) -> bool:
    return any(each.tag == "nav" or each.attributes.get("role") == "navigation" for each in ancestors(node))


def _signature(node: LexborNode) -> str:
    attributes = node.attributes
    return " ".join([*attributes, *(attributes.get(name) or "" for name in _SIGNED)])
