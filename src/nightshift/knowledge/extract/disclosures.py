"""What a page shows after a click: accordions, tabs and other panels, each with the words of the control that opens it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from selectolax.lexbor import LexborNode

from nightshift.knowledge.extract.dom import ancestors, is_icon, next_element, previous_element, walk

HEADINGS = {f"h{level}": level for level in range(1, 7)}
_STYLE = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
# In classes, ids, roles and names of attributes: what is made to be opened, and what a reader of the page never needs.
_PANEL = re.compile(r"accord|collaps|faq|answer|tab-?(?:pane|content|body|item)|\btabs?\b|tabpanel|panel|toggle|disclos|"
                    r"expand|x-show|v-show|ng-show|data-tab", re.IGNORECASE)  # fmt: skip
_TITLE = re.compile(r"question|accord|toggle|trigger|expand|collaps|faq|tab-?title|\bonclick", re.IGNORECASE)
_NEVER = re.compile(
    r"alert|banner|consent|cookie|dialog|dropdown|error|lightbox|listbox|loader|loading|menu|modal|notif|offcanvas|overlay|"
    r"popup|popover|\bsearch|skeleton|spinner|template|toast|tooltip|\bvalidat|warning",
    re.IGNORECASE,
)
_TOGGLES = ("tab", "pill", "collapse")
_SIGNED = ("class", "id", "role", "itemprop")
MAX_TITLE = 200  # characters: what is longer is no title

Attributes = Mapping[str, str | None]


def is_hidden(attributes: Attributes) -> bool:
    return "hidden" in attributes or bool(_STYLE.search(attributes.get("style") or ""))


def words(node: LexborNode) -> str:
    """The text of an element as one line, without its icons."""
    texts = (part.text_content or "" for part, _ in walk(node, _is_silent) if part.is_text_node)
    return " ".join("".join(texts).split())


class Disclosures:
    """The panels of a page, by the `mem_id` of their elements.

    `panels`: shown although hidden. `titles`: controls that are the heading of what follows. `labels`: the words of controls
    that stand elsewhere, by panel; `moved`: those controls.
    """

    def __init__(self, body: LexborNode) -> None:
        self.panels: set[int] = set()
        self.titles: set[int] = set()
        self.moved: set[int] = set()
        self.labels: dict[int, str] = {}
        self._ids: dict[str, LexborNode] = {}
        self._labelled: dict[str, LexborNode] = {}
        controls = list(self._collect(body))
        left = [control for control in controls if not self._open_named(*control)]
        for control, panel in _paired([node for node, _ in left]):
            self._open(control, panel)
        for control, attributes in left:
            if control.mem_id not in self.moved:
                self._open_near(control, attributes)

    def is_hidden(self, node: LexborNode) -> bool:
        """Whether nothing on the page shows this element."""
        attributes = node.attributes
        return is_hidden(attributes) and node.mem_id not in self.panels and not _can_be_found(node, attributes)

    def _collect(self, body: LexborNode) -> Iterator[tuple[LexborNode, Attributes]]:
        """The page's controls. Notes where ids and labels are."""
        for node, entering in walk(body, lambda _: False):
            if not entering or not node.is_element_node:
                continue
            attributes = node.attributes
            self._ids.setdefault(attributes.get("id") or "", node)
            self._labelled.setdefault(attributes.get("aria-labelledby") or "", node)
            if _is_control(node, attributes):
                yield node, attributes

    def _open_named(self, control: LexborNode, attributes: Attributes) -> bool:
        """Open the panel that the control names, or that names the control."""
        panel = next((self._ids[name] for name in _targets(attributes) if name in self._ids), None)
        if panel is None and attributes.get("id"):
            panel = self._labelled.get(attributes["id"] or "")
        if panel is None or not _opens(control, attributes, panel):
            return False
        self._open(control, panel)
        return True

    def _open_near(self, control: LexborNode, attributes: Attributes) -> None:
        """Open what follows the control, where that is made to be opened."""
        panel = _following(control)
        if panel is None or panel.tag in HEADINGS:
            return
        box = self._ids.get(attributes.get("for") or "") if control.tag == "label" else None
        if control.tag == "label":
            opens = _is_switch(box) and panel.tag in ("article", "div", "dd", "ol", "p", "section", "ul")
        else:
            opens = (
                is_hidden(panel.attributes) or "aria-expanded" in attributes or bool(_PANEL.search(_signature(panel)))
            )
        if opens and _opens(control, {**attributes, "aria-expanded": ""}, panel):
            self._open(control, panel)
            self.moved.update([box.mem_id] if box is not None else [])

    def _open(self, control: LexborNode, panel: LexborNode) -> None:
        self.panels.add(panel.mem_id)
        self.panels.update(each.mem_id for each in ancestors(panel, 3) if is_hidden(each.attributes))
        near = _following(control)
        if near is not None and panel.mem_id in (near.mem_id, *(node.mem_id for node in near.iter())):
            self.labels.pop(panel.mem_id, None)
            if not _is_heading(control):
                self.titles.add(control.mem_id)
            return
        self.moved.add(control.mem_id)
        label, title = words(control), panel.css_first("h1, h2, h3, h4, h5, h6")
        if panel.mem_id not in self.titles and (title is None or words(title) != label):
            self.labels.setdefault(panel.mem_id, label)


def is_title(node: LexborNode) -> bool:
    """Whether an element that is no heading says by its names that it is a question, or the title of a panel."""
    if node.tag in HEADINGS or not _TITLE.search(_signature(node)):
        return False
    panel = next_element(node)
    if panel is None or not _PANEL.search(_signature(panel)) or len(words(node)) > MAX_TITLE:
        return False
    parts = node.css("h1, h2, h3, h4, h5, h6, button, div, details, p, [role=button]")
    return not any(part.mem_id != node.mem_id for part in parts)


def _is_silent(node: LexborNode) -> bool:
    return node.tag in ("script", "style", "template", "rt", "rp", "svg", "-comment") or is_icon(node)


def _signature(node: LexborNode) -> str:
    attributes = node.attributes
    return " ".join([*attributes, *(attributes.get(name) or "" for name in _SIGNED)])


def _is_control(node: LexborNode, attributes: Attributes) -> bool:
    return (
        node.tag == "button"
        or (node.tag == "label" and "for" in attributes)
        or (node.tag == "a" and (attributes.get("href") or "").startswith("#"))
        or attributes.get("role") in ("button", "tab")
        or not {"aria-expanded", "aria-controls"}.isdisjoint(attributes)
    )


def _targets(attributes: Attributes) -> Iterable[str]:
    for name in ("aria-controls", "data-bs-target", "data-target", "href"):
        yield from ((attributes.get(name) or "").removeprefix("#").split())[:1]


def _opens(control: LexborNode, attributes: Attributes, panel: LexborNode) -> bool:
    """Whether the control shows and hides the panel, and the panel is a part of the page's text."""
    popup = attributes.get("aria-haspopup") not in (None, "", "false")
    if popup or panel.tag in ("dialog", "nav") or _NEVER.search(_signature(panel)) or control.tag == "body":
        return False
    tab = (
        attributes.get("role") == "tab"
        or (attributes.get("data-bs-toggle") or attributes.get("data-toggle")) in _TOGGLES
    )
    if not tab and _is_in_menu(control):
        return False
    return tab or "aria-expanded" in attributes or is_hidden(panel.attributes) or (
        panel.tag not in HEADINGS and bool(_PANEL.search(_signature(panel)))
    )  # fmt: skip


def _is_in_menu(node: LexborNode) -> bool:
    return any(each.tag == "nav" or each.attributes.get("role") == "navigation" for each in ancestors(node))


def _following(control: LexborNode) -> LexborNode | None:
    """The element after the control, or after the one that it is alone in, such as a heading."""
    for node in (control, *ancestors(control, 3)):
        found = next_element(node)
        if found is not None or previous_element(node) is not None:
            return found
    return None


def _is_switch(box: LexborNode | None) -> bool:
    return box is not None and box.attributes.get("type") in ("checkbox", "radio")


def _is_heading(control: LexborNode) -> bool:
    around = any(each.tag in HEADINGS for each in ancestors(control, 3))
    return around or control.tag in HEADINGS or control.css_first("h1, h2, h3, h4, h5, h6") is not None


def _paired(controls: list[LexborNode]) -> Iterator[tuple[LexborNode, LexborNode]]:
    """Controls in a row, each with its panel: the first with the first of as many panels after them."""
    rows: dict[int, list[LexborNode]] = defaultdict(list)
    for control in controls:
        item = _item(control)
        if item.parent is not None:
            rows[item.parent.mem_id].append(control)
    for row in rows.values():
        items = [_item(control) for control in row]
        if len(row) > 1 and all(_is_next(one, two) for one, two in pairwise(items)):
            panels = list(_siblings(items[-1])) or list(_siblings(items[-1].parent))
            if len(panels) < len(row) and panels:
                panels = [child for child in panels[0].iter() if child.tag not in ("script", "style")]
            names = [_signature(panel) for panel in panels[: len(row)]]
            shown = sum(not is_hidden(panel.attributes) for panel in panels[: len(row)])
            made_for_it = (shown <= 1 or all(map(_PANEL.search, names))) and not any(map(_NEVER.search, names))
            if len(names) == len(row) and made_for_it:
                yield from zip(row, panels, strict=False)


def _is_next(one: LexborNode, two: LexborNode) -> bool:
    after = next_element(one)
    return after is not None and after.mem_id == two.mem_id


def _item(control: LexborNode) -> LexborNode:
    """The control, or the list item it stands in."""
    return control.parent if control.parent is not None and control.parent.tag == "li" else control


def _siblings(node: LexborNode | None) -> Iterator[LexborNode]:
    while (node := next_element(node)) is not None:
        yield node


def _can_be_found(node: LexborNode, attributes: Attributes) -> bool:
    """Whether a hidden element belongs to the text although no control of its own was found."""
    signature = _signature(node)
    if attributes.get("hidden") == "until-found":
        return True
    before = previous_element(node)
    if before is None or _NEVER.search(signature) or _is_in_menu(node):
        return False
    opener = before.tag in HEADINGS or before.tag in ("dt", "summary") or bool(_TITLE.search(_signature(before)))
    return bool(_PANEL.search(signature)) or (opener and node.tag not in ("span", "a", "i"))
