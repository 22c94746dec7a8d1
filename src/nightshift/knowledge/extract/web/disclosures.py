"""What a page shows after a click: accordions, tabs and other panels, each with the words of the control that opens it."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from selectolax.lexbor import LexborNode

from nightshift.knowledge.extract.web.dom import ancestors, next_element, previous_element, walk
from nightshift.knowledge.extract.web.roles import (
    HEADINGS,
    Attributes,
    can_be_found,
    is_beside,
    is_control,
    is_hidden,
    is_panel,
    is_switch,
    opens,
    targets,
    words,
)  # fmt: skip


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
        if node.tag == "dialog" and "open" not in attributes:
            return True
        return is_hidden(attributes) and node.mem_id not in self.panels and not can_be_found(node, attributes)

    def _collect(self, body: LexborNode) -> Iterator[tuple[LexborNode, Attributes]]:
        """The page's controls. Notes where ids and labels are."""
        for node, entering in walk(body, lambda _: False):
            if not entering or not node.is_element_node:
                continue
            attributes = node.attributes
            self._ids.setdefault(attributes.get("id") or "", node)
            self._labelled.setdefault(attributes.get("aria-labelledby") or "", node)
            if is_control(node, attributes):
                yield node, attributes

    def _open_named(self, control: LexborNode, attributes: Attributes) -> bool:
        """Open the panel that the control names, or that names the control."""
        panel = next((self._ids[name] for name in targets(attributes) if name in self._ids), None)
        if panel is None and attributes.get("id"):
            panel = self._labelled.get(attributes["id"] or "")
        if panel is None or not opens(control, attributes, panel):
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
            near = is_switch(box) and panel.tag in ("article", "div", "dd", "ol", "p", "section", "ul")
        else:
            near = is_hidden(panel.attributes) or "aria-expanded" in attributes or is_panel(panel)
        if near and opens(control, {**attributes, "aria-expanded": ""}, panel):
            self._open(control, panel)

    def _open(self, control: LexborNode, panel: LexborNode) -> None:
        self.panels.add(panel.mem_id)
        if control.tag == "label" and (box := self._ids.get(control.attributes.get("for") or "")):
            self.moved.update([box.mem_id] if is_switch(box) else [])
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


def _following(control: LexborNode) -> LexborNode | None:
    """The element after the control, or after the one that it is alone in, such as a heading."""
    for node in (control, *ancestors(control, 3)):
        found = next_element(node)
        if found is not None or previous_element(node) is not None:
            return found
    return None


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
            panels = panels[: len(row)]
            shown = sum(not is_hidden(panel.attributes) for panel in panels)
            made_for_it = (shown <= 1 or all(map(is_panel, panels))) and not any(map(is_beside, panels))
            if len(panels) == len(row) and made_for_it:
                yield from zip(row, panels, strict=True)


def _is_next(one: LexborNode, two: LexborNode) -> bool:
    after = next_element(one)
    return after is not None and after.mem_id == two.mem_id


def _item(control: LexborNode) -> LexborNode:
    """The control, or the list item it stands in."""
    return control.parent if control.parent is not None and control.parent.tag == "li" else control


def _siblings(node: LexborNode | None) -> Iterator[LexborNode]:
    while (node := next_element(node)) is not None:
        yield node
