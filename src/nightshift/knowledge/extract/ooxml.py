"""Paragraphs and tables of DOCX and PPTX, which both name them p, tbl, tr, tc and t, each in its own namespace."""

from collections.abc import Iterable, Iterator

from lxml import etree

from nightshift.knowledge.extract.archive import Archive, attribute_of, local
from nightshift.knowledge.extract.blocks import Paragraph, row, table

_TYPED = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_FORMULA = {"den": "/", "sup": "^", "sub": "_"}  # the mark before a denominator, an exponent, an index
# Deleted, moved or duplicate content (for older programs), and properties.
_INVISIBLE = frozenset({"del", "moveFrom", "Fallback", "pPr", "rPr", "sectPr"})
_DRAWINGS = {"chart": "id", "relIds": "dm"}  # the element of a chart or a diagram: the attribute with its part


class Walker:
    """The paragraphs of one part in reading order."""

    def __init__(self, archive: Archive, part: str) -> None:
        self._archive = archive
        self._relations = archive.relations(part)

    def level(self, paragraph: etree._Element) -> int | None:
        """The level of a paragraph that is a heading."""
        return None

    def note(self, reference: etree._Element) -> Iterable[etree._Element]:
        """The footnote or endnote of a reference."""
        return ()

    def paragraphs(self, elements: Iterable[etree._Element]) -> Iterator[Paragraph]:
        """The paragraphs in these elements, each followed by its text boxes, drawings and notes."""
        for element in elements:
            name = local(element)
            if name == "p":
                attached: list[etree._Element] = []
                yield Paragraph("".join(self._inline(element, attached)), self.level(element))
                yield from self.paragraphs(attached)
            elif name == "tbl":
                yield from self._table(element)
            elif name == "ser":  # of a chart: its name, its categories, its values
                yield Paragraph(row(value.text or "" for value in element.iter("{*}v")))
            elif name in _DRAWINGS and (part := self._part(element, _DRAWINGS[name])):
                yield from Walker(self._archive, part).paragraphs(self._archive.xml(part))
            elif name not in _INVISIBLE:
                yield from self.paragraphs(element)

    def _part(self, element: etree._Element, attribute: str) -> str:
        return self._relations.get(attribute_of(element, attribute), ("", ""))[1]

    def _inline(self, parent: etree._Element, attached: list[etree._Element]) -> Iterator[str]:
        for child in parent:
            name = local(child)
            if name == "t":
                yield child.text or ""
            elif name in _TYPED:
                yield _TYPED[name]
            elif name == "txbxContent" or name in _DRAWINGS:
                attached.append(child)
            elif name in ("footnoteReference", "endnoteReference"):
                attached.extend(self.note(child))
            elif name not in _INVISIBLE and not _hidden(child):
                yield _FORMULA.get(name, "")
                yield from self._inline(child, attached)

    def _table(self, element: etree._Element) -> Iterator[Paragraph]:
        """One line for each row. A row of one cell is layout: its content is read as if it were outside the table."""
        rows: list[list[str]] = []
        for tr in _nearest(element, "tr"):
            cells = list(_nearest(tr, "tc"))
            if len(cells) == 1:
                yield table(rows)
                rows = []
                yield from self.paragraphs(cells)
            else:
                rows.append([" ".join(p.text for p in self.paragraphs(cell)) for cell in cells])
        yield table(rows)


def _nearest(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    for child in parent:
        if local(child) == name:
            yield child
        elif local(child) not in _INVISIBLE:
            yield from _nearest(child, name)


def _hidden(run: etree._Element) -> bool:
    vanish = run.find("{*}rPr/{*}vanish")
    return vanish is not None and attribute_of(vanish, "val") not in ("0", "false", "off")
