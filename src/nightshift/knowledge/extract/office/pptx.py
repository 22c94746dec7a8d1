"""PPTX, with the speaker's notes. Runs in a child process, see `child`."""

from collections.abc import Iterator
from typing import IO

from lxml import etree

from nightshift.knowledge.extract.archive import Archive, attribute_of, local
from nightshift.knowledge.extract.blocks import Block, Extracted, heading, slide
from nightshift.knowledge.extract.counting import formatted
from nightshift.knowledge.extract.office.ooxml import Walker
from nightshift.knowledge.extract.reading_order import Box, in_reading_order

_TITLES = ("title", "ctrTitle")
_STYLES = {"alphaLc": "lowerLetter", "alphaUc": "upperLetter", "romanLc": "lowerRoman", "romanUc": "upperRoman"}


def read(file: IO[bytes]) -> Extracted:
    """One block for each slide, with its number as the page and its title as the heading, and one for its notes.

    Raises PermanentError for a file that unpacks to too many bytes.
    """
    notes: list[str] = []
    return Extracted(_slides(Archive(file.read()), notes), notes)


def _slides(archive: Archive, notes: list[str]) -> Iterator[Block]:
    part = archive.main_part()
    relations = archive.relations(part)
    slides = archive.xml(part).iterfind("{*}sldIdLst/{*}sldId")
    for number, name in enumerate((relations[attribute_of(found, "id")][1] for found in slides), 1):
        root = archive.xml(name)
        if root.get("show") in ("0", "false"):
            notes.append(f"Slide {number} is hidden and was left out.")
        else:
            yield from _slide(archive, name, root, number)


def _slide(archive: Archive, part: str, root: etree._Element, number: int) -> Iterator[Block]:
    walker = _Slide(archive, part)
    for shape in _placeholders(root, "sldNum"):
        shape.getparent().remove(shape)
    titles = _placeholders(root, *_TITLES)
    title = heading(" ".join(paragraph.text for paragraph in walker.paragraphs(titles)))
    headings = (title,) if title else ()
    _sort(root, _inherited(archive, part))
    yield from slide(walker.paragraphs(root), number, headings)
    for name in archive.related(part, "notesSlide"):
        notes = Walker(archive, name).paragraphs(_placeholders(archive.xml(name), "body"))
        yield from slide(notes, number, (*headings, "Notes"))


class _Slide(Walker):
    """`_counts`: the last number on each level of `_text`, which is read."""

    def __init__(self, archive: Archive, part: str) -> None:
        super().__init__(archive, part)
        self._text: etree._Element | None = None
        self._counts: dict[int, int] = {}

    def label(self, paragraph: etree._Element) -> str:
        """The number in front of a paragraph. Those of a list end where a paragraph of its level has none."""
        properties = paragraph.find("{*}pPr")
        level = 0 if properties is None else int(properties.get("lvl", "0"))
        number = None if properties is None else properties.find("{*}buAutoNum")
        counts = self._counts if self._text is paragraph.getparent() else {}
        if not any(text.text for text in paragraph.iter("{*}t")):
            return ""
        self._text = paragraph.getparent()
        self._counts = {key: count for key, count in counts.items() if key < level}
        if number is None:
            return ""
        self._counts[level] = counts.get(level, int(number.get("startAt", "1")) - 1) + 1
        return _numbered(self._counts[level], number.get("type", ""))


def _numbered(count: int, kind: str) -> str:
    """A number as PowerPoint writes it, such as "alphaLcParenR"."""
    style = formatted(count, _STYLES.get(kind[:7], kind))
    if kind.endswith("ParenBoth"):
        return f"({style})"
    return style + (")" if kind.endswith("ParenR") else "." if kind.endswith("Period") else "")


def _sort(root: etree._Element, inherited: dict[str, Box]) -> None:
    """Put the shapes of a slide, and those of each group, in the order in which they are read; the title first."""
    for tree in root.iter("{*}spTree", "{*}grpSp"):
        shapes = [child for child in tree if next(child.iter("{*}t", "{*}graphicFrame"), None) is not None]
        titles = [shape for shape in shapes if _placeholder(shape)[1] in _TITLES]
        placed = [(box, shape) for shape in shapes if shape not in titles and (box := _box(shape, inherited))]
        if _is_right_to_left(tree):
            placed = [((-right, top, -left, bottom), shape) for (left, top, right, bottom), shape in placed]
        tree.extend([*titles, *in_reading_order(placed, labelled=True)])


def _is_right_to_left(tree: etree._Element) -> bool:
    """Whether most of the paragraphs with words are written from right to left."""
    written = [p.find("{*}pPr") for p in tree.iter("{*}p") if p.find("{*}r") is not None]
    return sum(found is not None and found.get("rtl") in ("1", "true") for found in written) * 2 > len(written)


def _inherited(archive: Archive, part: str) -> dict[str, Box]:
    """The places of the placeholders in the slide's layout, by number and by kind, else in its master."""
    layouts = archive.related(part, "slideLayout")
    masters = [name for layout in layouts for name in archive.related(layout, "slideMaster")]
    boxes: dict[str, Box] = {}
    for name in (*masters, *layouts):
        for shape in archive.xml(name).iter("{*}sp"):
            if box := _box(shape, {}):
                boxes |= {key: box for key in _placeholder(shape) if key}
    return boxes


def _placeholder(shape: etree._Element) -> tuple[str, str]:
    """The number and the kind of a shape's placeholder; ("", "") without one."""
    holder = shape.find("{*}nvSpPr/{*}nvPr/{*}ph")
    return ("", "") if holder is None else (holder.get("idx", ""), holder.get("type", "body"))


def _box(shape: etree._Element, inherited: dict[str, Box]) -> Box | None:
    number, kind = _placeholder(shape)
    for place in shape.iter("{*}xfrm"):
        values = {key: int(value) for child in place for key, value in child.items() if local(child) in ("off", "ext")}
        if {"x", "y", "cx", "cy"} <= values.keys():
            return values["x"], values["y"], values["x"] + values["cx"], values["y"] + values["cy"]
    return inherited.get(number) or inherited.get(kind)


def _placeholders(root: etree._Element, *kinds: str) -> list[etree._Element]:
    """The shapes in the layout's placeholders of these kinds."""
    return [shape for shape in root.iter("{*}sp") if _placeholder(shape)[1] in kinds]
