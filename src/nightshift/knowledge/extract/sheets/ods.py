"""ODS: the text of its cells is what the sheets show. Runs in a child process, see `child`."""

from collections.abc import Iterator
from typing import IO

from lxml import etree

from nightshift.errors import PermanentError
from nightshift.knowledge.extract import grid
from nightshift.knowledge.extract.archive import MAX_UNPACKED_BYTES, Archive, attribute_of, local
from nightshift.knowledge.extract.blocks import Extracted
from nightshift.knowledge.extract.grid import Sheet
from nightshift.knowledge.extract.limits import LOCKED

_MANIFEST = "META-INF/manifest.xml"
_TYPED = {"s": " ", "tab": "\t", "line-break": "\n"}
_ABOVE = ("ruby-text", "annotation")


def read(file: IO[bytes]) -> Extracted:
    """The blocks of each visible sheet, as of an XLSX. Raises PermanentError for a locked file."""
    archive = Archive(file.read())
    if archive.has(_MANIFEST) and archive.xml(_MANIFEST).find(".//{*}encryption-data") is not None:
        raise PermanentError(LOCKED)
    root = archive.xml("content.xml", MAX_UNPACKED_BYTES)
    hidden = {
        attribute_of(style, "name")
        for style in root.iterfind("{*}automatic-styles/{*}style")
        for properties in style.iterfind("{*}table-properties")
        if attribute_of(properties, "display") == "false"
    }
    tables = root.iterfind("{*}body/{*}spreadsheet/{*}table")
    return grid.extracted(_sheet(table, attribute_of(table, "style-name") in hidden) for table in tables)


def _sheet(table: etree._Element, hidden: bool) -> Sheet:
    sheet = Sheet(attribute_of(table, "name"), hidden)
    if hidden:
        return sheet
    sheet.texts = [text for shapes in table.iterfind("{*}shapes") if (text := _text(shapes))]
    y, hidden_rows = 0, set()
    for row in table.iter("{*}table-row"):
        times = _times(row, "number-rows-repeated")
        cells = list(_cells(sheet, y, row))
        for number in range(y, y + times if cells else y):
            for x, text in cells:
                sheet.put(number, x, text)
            if attribute_of(row, "visibility") == "collapse" and local(row.getparent()) != "table-row-group":
                hidden_rows.add(number)
        y += times
    sheet.leave_out(hidden_rows, set(_hidden_columns(table)))
    return sheet


def _cells(sheet: Sheet, y: int, row: etree._Element) -> Iterator[tuple[int, str]]:
    """The column and text of each cell that has one. Adds to the sheet what a cell spans, and what is attached to it."""
    x = 0
    for cell in row:
        times = _times(cell, "number-columns-repeated")
        if local(cell) == "table-cell":
            text = _shown(cell)
            yield from ((number, text) for number in range(x, min(x + times, grid.MAX_COLUMNS)) if text)
            height, width = _times(cell, "number-rows-spanned"), _times(cell, "number-columns-spanned")
            if (height, width) != (1, 1):
                sheet.merged.append([y, y + height - 1, x, x + width - 1])
            sheet.texts += (attached for part in cell if local(part) != "p" and (attached := _text(part)))
            sheet.unknown += not text and bool(attribute_of(cell, "formula")) and not attribute_of(cell, "value-type")
        x += times


def _shown(cell: etree._Element) -> str:
    """A cell's text, else its value: some programs write no text."""
    kind = attribute_of(cell, "value-type")
    named = {"date": "date-value", "time": "time-value", "boolean": "boolean-value", "string": "string-value"}
    return "\n".join(map(_line, cell.iterfind("{*}p"))) or attribute_of(cell, named.get(kind, "value"))


def _text(element: etree._Element) -> str:
    return "\n".join(map(_line, element.iter("{*}p")))


def _line(paragraph: etree._Element) -> str:
    return "".join(_runs(paragraph))


def _runs(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        name = local(child)
        if name not in _ABOVE:
            yield _TYPED.get(name, "")
            yield from _runs(child)
        yield child.tail or ""


def _hidden_columns(table: etree._Element) -> Iterator[int]:
    x = 0
    for column in table.iter("{*}table-column"):
        times = _times(column, "number-columns-repeated")
        if attribute_of(column, "visibility") == "collapse" and local(column.getparent()) != "table-column-group":
            yield from range(x, min(x + times, grid.MAX_COLUMNS))
        x += times


def _times(element: etree._Element, name: str) -> int:
    return int(attribute_of(element, name) or 1)
