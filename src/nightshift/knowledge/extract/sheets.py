"""XLSX, XLS and ODS, read by calamine, 7 times as fast as openpyxl. Runs in a child process, see `child`."""

import io
from pathlib import Path

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetMetadata,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from nightshift.errors import PermanentError
from nightshift.knowledge.extract.archive import Archive
from nightshift.knowledge.extract.blocks import Block, Extracted, row
from nightshift.knowledge.extract.reader import MAX_CHARACTERS
from nightshift.knowledge.text import clean

_OLE = b"\xd0\xcf\x11\xe0"
# Streams of OLE files: of Word, PowerPoint and encrypted files, which may contain a workbook; and of a workbook.
_NO_WORKBOOK = [name.encode("utf-16-le") for name in ("WordDocument", "PowerPoint Document", "EncryptedPackage")]
_WORKBOOK = [name.encode("utf-16-le") for name in ("Workbook", "Book")]
_OLD = (
    "This file is password-protected or in an old Office format: save it as .docx, .xlsx or .pptx and without "
    "password, and upload that copy."
)

_DAMAGED = "This file is damaged, or not a spreadsheet. Save it again as .xlsx and upload that copy."


def read(path: Path) -> Extracted:
    """One block for each visible sheet, with its name as the heading and a line for each row. Others become notes.

    Raises PermanentError for an old, locked or damaged file, and for one that unpacks to too many bytes.
    """
    notes: list[str] = []
    with _open(path) as book:
        blocks = [_block(book, sheet, notes) for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    if notes and not any(block.text for block in blocks):
        raise PermanentError(f"This file contains no text that can be read. {' '.join(notes)}")
    return Extracted(blocks, notes)


def _open(path: Path) -> CalamineWorkbook:
    data = path.read_bytes()
    if not data.startswith(_OLE):
        Archive(path).measure()
    elif any(stream in data for stream in _NO_WORKBOOK):
        raise PermanentError(_OLD)
    try:
        return CalamineWorkbook.from_filelike(io.BytesIO(data))
    except CalamineError as error:
        damaged = not data.startswith(_OLE) or any(stream in data for stream in _WORKBOOK)
        raise PermanentError(_DAMAGED if damaged and not isinstance(error, PasswordError) else _OLD) from error


def _block(book: CalamineWorkbook, sheet: SheetMetadata, notes: list[str]) -> Block:
    """The sheet's text; "" and a note with the reason where there is none."""
    try:
        text = _text(book.get_sheet_by_name(sheet.name)) if sheet.visible == SheetVisibleEnum.Visible else None
    except (MemoryError, KeyboardInterrupt):
        raise
    except BaseException:  # calamine's PanicException is a BaseException
        notes.append(f"Sheet {sheet.name} could not be read.")
    else:
        if text is None:
            notes.append(f"Sheet {sheet.name} is hidden and was left out.")
        lines = clean(text or "").strip()
        return Block(lines, headings=(sheet.name,), columns=lines.partition("\n")[0])
    return Block("")


def _text(sheet: CalamineSheet) -> str:
    """One line for each row, without blank ones; ends after more characters than `reader` allows."""
    lines: list[str] = []
    length = 0
    for cells in sheet.iter_rows():
        if length <= MAX_CHARACTERS and (line := row(map(_shown, cells))):
            lines.append(line)
            length += len(line)
    return "\n".join(lines)


def _shown(value: object) -> str:
    """A cell as text, a number with the 15 digits that Excel shows."""
    return f"{value:.15g}" if isinstance(value, float) else str(value)
