"""PDF, read by PDFium: 492 pages/s, where pypdf reads 33 (1,103 files). Runs in a child process, see `child`."""

from dataclasses import dataclass, field
from pathlib import Path

import pypdfium2
import pypdfium2.raw

from nightshift.errors import PermanentError
from nightshift.knowledge.extract.blocks import Block, Extracted
from nightshift.knowledge.text import clean

_LOCKED = "This PDF is password-protected. Upload an unlocked copy."
_DAMAGED = "This file is damaged, or not a PDF. Save it again as a PDF and upload that copy."
_SCAN = "This PDF is a scan: pictures of pages, no text. Run text recognition (OCR) on it and upload the result."
_EMPTY = "This PDF contains no text. Upload one that does."
_WRONG_PASSWORD, _UNKNOWN_SECURITY = 4, 5  # FPDF_GetLastError in fpdfview.h


@dataclass
class _Pages:
    """The numbers of pages that need a note."""

    unreadable: list[int] = field(default_factory=list)
    pictures: list[int] = field(default_factory=list)


def read(path: Path) -> Extracted:
    """One block for each page. A page that fails to load, or has only pictures, becomes a note.

    Raises PermanentError for a locked, damaged, scanned or empty file; FileNotFoundError.
    """
    pdf = _open(path)
    remarks = _Pages()
    blocks = [Block(text, page=number) for number in range(1, len(pdf) + 1) if (text := _text(pdf, number, remarks))]
    if not blocks:
        raise PermanentError(_SCAN if remarks.pictures else _DAMAGED if remarks.unreadable else _EMPTY)
    return Extracted(blocks, _notes(remarks))


def _open(path: Path) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code in (_WRONG_PASSWORD, _UNKNOWN_SECURITY)
        raise PermanentError(_LOCKED if locked else _DAMAGED) from error


def _text(pdf: pypdfium2.PdfDocument, number: int, remarks: _Pages) -> str:
    """The page's text, "" if it has none. Each page is closed at once: 1,000 pages need no more memory than one.

    Uses `get_text_range`: `get_text_bounded` loses text outside the page's box, and the marks of hyphenated words.
    """
    try:
        page = pdf[number - 1]
        try:
            textpage = page.get_textpage()
            text = clean(textpage.get_text_range()).strip()
            textpage.close()
            if not text and any(page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE])):
                remarks.pictures.append(number)
            return text
        finally:
            page.close()
    except pypdfium2.PdfiumError:
        remarks.unreadable.append(number)
        return ""


def _notes(remarks: _Pages) -> list[str]:
    notes = []
    if remarks.unreadable:
        notes.append(f"{_page_list(remarks.unreadable)} could not be read.")
    if remarks.pictures:
        notes.append(f"{_page_list(remarks.pictures)}: only pictures, no text.")
    return notes


def _page_list(pages: list[int], limit: int = 10) -> str:
    more = f" and {len(pages) - limit} more" if len(pages) > limit else ""
    return f"Page{'s' if len(pages) > 1 else ''} {', '.join(map(str, pages[:limit]))}{more}"
