"""XLS: what its sheets show. Runs in a child process, see `child`."""

import io
from typing import IO

import xlrd

from nightshift.errors import PermanentError
from nightshift.knowledge.extract import grid, ole
from nightshift.knowledge.extract.blocks import Extracted
from nightshift.knowledge.extract.grid import Sheet
from nightshift.knowledge.extract.limits import LOCKED
from nightshift.knowledge.extract.number_format import BUILT_IN, shown
from nightshift.knowledge.extract.office import office97

_DAMAGED = "This file is damaged, or not a spreadsheet. Save it again as .xlsx and upload that copy."


def read(file: IO[bytes]) -> Extracted:
    """The blocks of each visible sheet, as of an XLSX. Raises PermanentError for a locked or damaged file."""
    data = file.read()
    if "encryptedpackage" in ole.streams(io.BytesIO(data)):
        raise PermanentError(LOCKED)
    try:
        book = xlrd.open_workbook(file_contents=data, formatting_info=True, ragged_rows=True, logfile=io.StringIO())
    except MemoryError:
        raise
    except Exception as error:
        if "encrypted" in str(error):
            raise PermanentError(LOCKED) from error
        found = office97.sheets(data)  # of odd programs; numbers without their formats
        if not any(sheet.cells for sheet in found):
            raise PermanentError(_DAMAGED) from error
        return grid.extracted(found)
    return grid.extracted(_sheet(book, sheet) for sheet in book.sheets())


def _sheet(book: xlrd.book.Book, found: xlrd.sheet.Sheet) -> Sheet:
    sheet = Sheet(found.name, hidden=found.visibility != 0)
    for y in range(0 if sheet.hidden else found.nrows):
        for x, cell in enumerate(found.row(y)):
            sheet.put(y, x, _shown(book, cell))
    sheet.merged = [[top, bottom - 1, left, right - 1] for top, bottom, left, right in found.merged_cells]
    sheet.texts = [f"{xlrd.cellname(y, x)}: {note.text}" for (y, x), note in sorted(found.cell_note_map.items())]
    rows = {y for y, row in found.rowinfo_map.items() if row.hidden and not row.outline_level}
    sheet.leave_out(rows, {x for x, column in found.colinfo_map.items() if column.hidden})
    return sheet


def _shown(book: xlrd.book.Book, cell: xlrd.sheet.Cell) -> str:
    if cell.ctype in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE):
        number = book.xf_list[cell.xf_index].format_key
        code = BUILT_IN.get(number) or book.format_map[number].format_str
        return shown(cell.value, code, bool(book.datemode))
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return "TRUE" if cell.value else "FALSE"
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return str(xlrd.error_text_from_code.get(cell.value, ""))
    return str(cell.value)
