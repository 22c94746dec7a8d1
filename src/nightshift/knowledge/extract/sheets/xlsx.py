"""XLSX: what its sheets show. Runs in a child process, see `child`."""

import io
import zlib
from collections.abc import Iterator
from typing import IO
from zipfile import BadZipFile

from lxml import etree

from nightshift.errors import PermanentError
from nightshift.knowledge.extract import grid
from nightshift.knowledge.extract.archive import MAX_UNPACKED_BYTES, Archive, attribute_of, local
from nightshift.knowledge.extract.blocks import Extracted
from nightshift.knowledge.extract.grid import Sheet
from nightshift.knowledge.extract.number_format import BUILT_IN, shown, shown_text
from nightshift.knowledge.extract.office.ooxml import Walker, is_raised
from nightshift.knowledge.text import raised

_DISCUSSION = "[Threaded comment]"  # its copy for older programs
_BINARY = "This is a binary workbook (.xlsb). Save it as .xlsx and upload that copy."
_READ = [f"{{*}}{name}" for name in ("col", "row", "filterColumn", "mergeCell")]  # elements of a sheet
_ERRORS = (etree.XMLSyntaxError, BadZipFile, ValueError, LookupError, TypeError, zlib.error)


def read(file: IO[bytes]) -> Extracted:
    """The blocks of each visible sheet, with its name as the heading; notes about what was left out.

    Raises PermanentError for a file without text, and for one that unpacks to too many bytes.
    """
    archive = Archive(file.read())
    part = archive.main_part()
    if part.endswith(".bin"):
        raise PermanentError(_BINARY)
    book, relations = _Book(archive, part), archive.relations(part)
    listed = [
        (sheet, *relations.get(attribute_of(sheet, "id"), ("", ""))) for sheet in archive.xml(part).iter("{*}sheet")
    ]
    return grid.extracted(book.sheet(sheet, name) for sheet, kind, name in listed if kind != "chartsheet")


class _Book:
    """What the sheets share: texts, number formats, the calendar."""

    def __init__(self, archive: Archive, part: str) -> None:
        self._archive = archive
        properties = archive.xml(part).find("{*}workbookPr")
        self._date1904 = properties is not None and _true(properties.get("date1904"))
        self._texts = [_text(item) for name in archive.related(part, "sharedStrings") for item in archive.xml(name)]
        self._formats = [code for name in archive.related(part, "styles") for code in _formats(archive.xml(name))]
        # Those that change a text, by the style's number as cells name it.
        self._of_texts = {str(n): code for n, code in enumerate(self._formats) if shown_text("x", code) != "x"}

    def sheet(self, listed: etree._Element, part: str) -> Sheet:
        sheet = Sheet(listed.get("name", ""), hidden=listed.get("state", "visible") != "visible")
        if not sheet.hidden:
            try:
                self._fill(sheet, self._archive.read(part, MAX_UNPACKED_BYTES))
                sheet.texts = list(self._texts_above(part))
            except _ERRORS:
                sheet.broken = True
        return sheet

    def _fill(self, sheet: Sheet, data: bytes) -> None:
        hidden_rows: set[int] = set()
        hidden_columns: set[int] = set()
        y = -1
        for _, element in etree.iterparse(io.BytesIO(data), tag=_READ, resolve_entities=False, no_network=True):
            name = local(element)
            if name == "col" and _true(element.get("hidden")):
                hidden_columns.update(
                    range(int(element.get("min")) - 1, min(int(element.get("max")), grid.MAX_COLUMNS))
                )
            elif name == "row":
                y = int(element.get("r", y + 2)) - 1
                if _true(element.get("hidden")) and not element.get("outlineLevel"):  # a group opens with a click
                    hidden_rows.add(y)
                self._row(sheet, y, element)
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
            elif name == "filterColumn":  # whose rows come back with a click
                hidden_rows.clear()
            elif name == "mergeCell":
                sheet.merged.append(_range(element.get("ref", "")))
        sheet.leave_out(hidden_rows, hidden_columns)

    def _row(self, sheet: Sheet, y: int, row: etree._Element) -> None:
        x = -1
        for cell in row:
            reference = cell.get("r")
            x = _position(reference)[1] if reference else x + 1
            sheet.put(y, x, self._shown(cell, sheet))

    def _shown(self, cell: etree._Element, sheet: Sheet) -> str:
        kind, value, text = cell.get("t", "n"), "", ""
        formula = False
        for child in cell:
            name = local(child)
            if name == "v":
                value = child.text or ""
            elif name == "is":
                text = _text(child)
            formula = formula or name == "f"
        if kind == "s":
            value, kind = self._texts[int(value)] if value else "", "str"
        if kind == "n" and value:
            return shown(float(value), self._format(cell), self._date1904)
        if kind == "b" and value:
            return "TRUE" if _true(value) else "FALSE"
        sheet.unknown += formula and not value and kind != "str"
        code = self._of_texts.get(cell.get("s", ""))
        return shown_text(text or value, code) if code else text or value

    def _format(self, cell: etree._Element) -> str:
        style = int(cell.get("s", 0))
        return self._formats[style] if style < len(self._formats) else ""

    def _texts_above(self, part: str) -> Iterator[str]:
        """The text of boxes and charts, and of notes."""
        for name in self._archive.related(part, "drawing"):
            yield from (paragraph.text for paragraph in Walker(self._archive, name).paragraphs(self._archive.xml(name)))
        for name in self._archive.related(part, "comments"):
            for note in self._archive.xml(name).iter("{*}comment"):
                text = _text(note)
                if not text.startswith(_DISCUSSION):
                    yield f"{note.get('ref')}: {text}"


def _text(element: etree._Element) -> str:
    """The text of an element's runs, without the furigana above them."""
    texts = ((t.text or "", t.getparent()) for t in element.iter("{*}t"))
    return "".join(
        raised(text) if local(run) == "r" and is_raised(run) else text for text, run in texts if local(run) != "rPh"
    )


def _formats(styles: etree._Element) -> Iterator[str]:
    """The number format of each cell style."""
    own = {code.get("numFmtId"): code.get("formatCode", "") for code in styles.iter("{*}numFmt")}
    for style in styles.iterfind("{*}cellXfs/{*}xf"):
        number = style.get("numFmtId", "0")
        yield own.get(number) or BUILT_IN.get(int(number), "")


def _position(reference: str) -> tuple[int, int]:
    """Row and column of "B7", from 0."""
    letters = reference.rstrip("0123456789")
    x = 0
    for letter in letters:
        x = x * 26 + ord(letter) - 64
    return int(reference[len(letters) :]) - 1, x - 1


def _range(reference: str) -> list[int]:
    """The rows and columns of "A1:B7"."""
    first, _, last = reference.partition(":")
    (top, left), (bottom, right) = _position(first), _position(last or first)
    return [top, bottom, left, right]


def _true(value: str | None) -> bool:
    return value in ("1", "true", "on")
