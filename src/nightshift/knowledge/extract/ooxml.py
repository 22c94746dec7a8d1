"""Paragraphs and tables as DOCX and PPTX nest them: both call them p, tbl, tr, tc and t, each in its own namespace."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from nightshift.knowledge.extract.archive import Archive, local
from nightshift.knowledge.extract.blocks import Paragraph, row

_TYPED = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# Deleted, moved away, hidden, an older program's copy of what stands beside it, or a property and no content.
_UNSEEN = frozenset({"del", "moveFrom", "Fallback", "pPr", "rPr", "sectPr", "instrText", "delText"})
_PICTURED = {"chart": "id", "relIds": "dm"}  # a chart's or a diagram's place, and the attribute that names its part


class Walker:
    """The paragraphs of one part in reading order."""

    def __init__(self, archive: Archive, part: str) -> None:
        self._archive = archive
        self._relations = archive.relations(part)

    def level(self, paragraph: etree._Element) -> int | None:
        """The level of a paragraph that is a heading."""
        return None

    def noted(self, reference: etree._Element) -> etree._Element | None:
        """The footnote or endnote that a reference stands for, the first time it is met."""
        return None

    def paragraphs(self, parent: etree._Element) -> Iterator[Paragraph]:
        """All below `parent`, each followed by the text boxes, pictures and notes that hang on it."""
        for child in parent:
            name = local(child)
            if name == "p":
                yield from self._paragraph(child)
            elif name == "tbl":
                yield from self._table(child)
            elif name == "ser":  # of a chart: its name, its categories, its values
                yield Paragraph(row(v.text or "" for v in child.iter("{*}v")))
            elif name in _PICTURED:
                yield from self._pictured(child)
            elif name not in _UNSEEN:
                yield from self.paragraphs(child)

    def _paragraph(self, paragraph: etree._Element) -> Iterator[Paragraph]:
        hanging: list[etree._Element] = []
        yield Paragraph("".join(self._inline(paragraph, hanging)), self.level(paragraph))
        for element in hanging:
            yield from self._pictured(element) if local(element) in _PICTURED else self.paragraphs(element)

    def _inline(self, parent: etree._Element, hanging: list[etree._Element]) -> Iterator[str]:
        for child in parent:
            name = local(child)
            if name == "t":
                yield child.text or ""
            elif name in _TYPED:
                yield _TYPED[name]
            elif name == "txbxContent" or name in _PICTURED:
                hanging.append(child)
            elif name in ("footnoteReference", "endnoteReference"):
                hanging.extend(note for note in [self.noted(child)] if note is not None)
            elif name not in _UNSEEN and not _hidden(child):
                yield from self._inline(child, hanging)

    def _table(self, table: etree._Element) -> Iterator[Paragraph]:
        """A line a row. A row of one cell is layout: what it holds counts as if no table were around it."""
        lines: list[str] = []
        for tr in table.iter("{*}tr"):
            if next(tr.iterancestors("{*}tbl")) is not table:
                continue  # of a table inside a cell
            cells = list(tr.iter("{*}tc")) if False else [tc for tc in tr.iterdescendants("{*}tc") if _of(tc) is tr]
            if len(cells) == 1:
                yield Paragraph("\n".join(lines))
                lines = []
                yield from self.paragraphs(cells[0])
            else:
                lines.append(row(" ".join(p.text for p in self.paragraphs(cell)) for cell in cells))
        yield Paragraph("\n".join(lines))
