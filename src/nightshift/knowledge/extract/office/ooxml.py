"""Paragraphs and tables of DOCX and PPTX, which both name them p, tbl, tr, tc and t, each in its own namespace."""

import re
from collections.abc import Iterable, Iterator

from lxml import etree

from nightshift.knowledge.extract.archive import Archive, attribute_of, local
from nightshift.knowledge.extract.blocks import Paragraph, row
from nightshift.knowledge.extract.grid import Sheet
from nightshift.knowledge.extract.number_format import shown
from nightshift.knowledge.extract.office.numbering import value_of
from nightshift.knowledge.extract.office.symbols import FONTS, symbol
from nightshift.knowledge.text import raised

_TYPED = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_SYMBOLS = re.compile("[\uf000-\uf0ff]")
_FORMULA = {
    "den": "/",
    "sup": "^",
    "sub": "_",
    "rad": "√",
    "d": "(",
}  # before a denominator, an exponent, an index, ...
# Deleted, moved or duplicate content (for older programs), furigana, and properties.
_INVISIBLE = frozenset({"del", "moveFrom", "Fallback", "rt", "pPr", "rPr", "sectPr"})
_DRAWINGS = {"chart": "id", "relIds": "dm"}  # the element of a chart or a diagram: the attribute with its part


class Walker:
    """The paragraphs of one part in reading order."""

    def __init__(self, archive: Archive, part: str) -> None:
        self._archive = archive
        self._relations = archive.relations(part)

    def level(self, paragraph: etree._Element) -> int | None:
        """The level of a paragraph that is a heading."""
        return None

    def label(self, paragraph: etree._Element) -> str:
        """The number in front of a paragraph."""
        return ""

    def hidden(self, run: etree._Element) -> bool:
        return False

    def note(self, reference: etree._Element) -> Iterable[etree._Element]:
        """The footnote or endnote of a reference."""
        return ()

    def chunk(self, element: etree._Element) -> Iterator[Paragraph]:
        """The paragraphs of an embedded document."""
        return iter(())

    def paragraphs(self, elements: Iterable[etree._Element]) -> Iterator[Paragraph]:
        """The paragraphs in these elements, each followed by its text boxes, drawings and notes."""
        for element in elements:
            name = local(element)
            if name == "p":
                attached: list[etree._Element] = []
                label, text = self.label(element), "".join(self._inline(element, attached))
                yield Paragraph(f"{label} {text}" if label and text.strip() else text, self.level(element))
                yield from self.paragraphs(attached)
            elif name == "tbl":
                yield from self._table(element)
            elif name == "altChunk":
                yield from self.chunk(element)
            elif name == "ser":  # of a chart: its name, its categories, its values
                yield Paragraph(row(map(_of_chart, element.iter("{*}v"))))
            elif name in _DRAWINGS and (part := self.part(element, _DRAWINGS[name])):
                yield from Walker(self._archive, part).paragraphs(self._archive.xml(part))
            elif name not in _INVISIBLE:
                yield from self.paragraphs(element)

    def part(self, element: etree._Element, attribute: str) -> str:
        """The part that an element refers to."""
        return self._relations.get(attribute_of(element, attribute), ("", ""))[1]

    def _inline(self, parent: etree._Element, attached: list[etree._Element]) -> Iterator[str]:
        for child in parent:
            name = local(child)
            if name == "t":
                yield _plain(child)
            elif name == "sym":
                yield symbol(attribute_of(child, "font"), chr(int(attribute_of(child, "char") or "20", 16)))
            elif name in _TYPED:
                yield _TYPED[name]
            elif name == "ffData":
                yield _filled_in(child)
            elif name == "txbxContent" or name in _DRAWINGS:
                attached.append(child)
            elif name in ("footnoteReference", "endnoteReference"):
                attached.extend(self.note(child))
            elif name not in _INVISIBLE and not self.hidden(child):
                yield _FORMULA.get(name, "")
                yield from self._inline(child, attached)
                yield ")" if name == "d" else ""

    def _table(self, element: etree._Element) -> Iterator[Paragraph]:
        """A row of one cell is layout, unless it divides a table: its content is read as if it were outside the table."""
        rows = list(_nearest(element, "tr"))
        headers = [tr.find("{*}trPr/{*}tblHeader") is not None for tr in rows]
        sheet = Sheet("", names={0: headers.index(False)} if headers and headers[0] and not all(headers) else {})
        above: dict[int, list[int]] = {}  # the range of the cell above, by its first column
        for y, tr in enumerate(rows):
            cells = list(_nearest(tr, "tc"))
            texts = [[found for found in self.paragraphs(cell) if found.text.strip()] for cell in cells]
            if len(cells) == 1 and not (sheet.cells and len(texts[0]) == 1 and texts[0][0].level is None):
                yield from sheet.paragraphs()
                yield from texts[0]
                sheet, above = Sheet(""), {}
            else:
                _put_row(sheet, y, cells, texts, above)
        yield from sheet.paragraphs()


def _put_row(
    sheet: Sheet, y: int, cells: list[etree._Element], texts: list[list[Paragraph]], above: dict[int, list[int]]
) -> None:
    """DOCX says of a cell that the one above goes on, PPTX how far a cell goes and which ones it covers."""
    x = 0
    for cell, paragraphs in zip(cells, texts, strict=True):
        width = int(value_of(cell, "tcPr/gridSpan") or cell.get("gridSpan") or 1)
        going_on = cell.find("{*}tcPr/{*}vMerge")
        if going_on is not None and attribute_of(going_on, "val") != "restart" and x in above:
            above[x][1] = y
        elif not (cell.get("hMerge") or cell.get("vMerge")):
            sheet.put(y, x, " ".join(paragraph.text for paragraph in paragraphs))
            above[x] = [y, y + int(cell.get("rowSpan") or 1) - 1, x, x + width - 1]
            sheet.merged.append(above[x])
        x += 1 if cell.get("gridSpan") else width  # PPTX has the covered cells too


def is_on(element: etree._Element | None) -> bool:
    """Whether a property is set: by its presence, unless it says that it is not."""
    return element is not None and attribute_of(element, "val") not in ("0", "false", "off")


def is_raised(run: etree._Element) -> bool:
    """Whether a run is a superscript: DOCX and XLSX name it, PPTX says how far it is raised."""
    properties = run.find("{*}rPr")
    if properties is None:
        return False
    vertical = properties.find("{*}vertAlign")
    named = "" if vertical is None else attribute_of(vertical, "val") or vertical.get("val")
    return named == "superscript" or (properties.get("baseline", "0")[:1] not in "0-")


def _of_chart(value: etree._Element) -> str:
    """A point of a chart as its number format shows it."""
    text = value.text or ""
    points = next(value.iterancestors("{*}numCache"), None)
    code = "" if points is None else points.findtext("{*}formatCode") or ""
    try:
        return shown(float(text), code) if code else text
    except ValueError:
        return text


def _plain(text: etree._Element) -> str:
    """A run's text, in Unicode where it is in a symbol font or a superscript."""
    words = text.text or ""
    if is_raised(text.getparent()):
        return raised(words)
    fonts = text.getparent().find("{*}rPr/{*}rFonts")
    font = attribute_of(fonts, "ascii") if fonts is not None else ""
    if font.lower() in FONTS or _SYMBOLS.search(words):
        return "".join(symbol(font, character) for character in words)
    return words


def _filled_in(field: etree._Element) -> str:
    """The value of a form field: a tick box, or the entry that is chosen from a list."""
    box, entries = field.find("{*}checkBox"), field.findall("{*}ddList/{*}listEntry")
    if box is not None:
        state = box.find("{*}checked")
        return "[x]" if is_on(box.find("{*}default") if state is None else state) else "[ ]"
    chosen = int(value_of(field, "ddList/result") or value_of(field, "ddList/default") or 0)
    return attribute_of(entries[chosen], "val") if chosen < len(entries) else ""


def _nearest(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    for child in parent:
        if local(child) == name:
            yield child
        elif local(child) not in _INVISIBLE:
            yield from _nearest(child, name)
