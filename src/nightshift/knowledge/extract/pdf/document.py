"""PDF, read by PDFium: 492 pages/s, where pypdf reads 33 (1,103 files). Runs in a child process, see `child`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import IO

import pypdfium2
from pypdfium2 import raw

from nightshift.errors import PermanentError
from nightshift.knowledge.extract.blocks import Block, Extracted, heading
from nightshift.knowledge.extract.pdf import layers, order
from nightshift.knowledge.extract.pdf.hyphens import Joiner
from nightshift.knowledge.extract.pdf.marks import Mark, marks_of
from nightshift.knowledge.text import clean

_LOCKED = "This PDF is password-protected. Upload an unlocked copy."
_DAMAGED = "This file is damaged, or not a PDF. Save it again as a PDF and upload that copy."
_SCAN = "This PDF is a scan: pictures of pages, no text. Run text recognition (OCR) on it and upload the result."
_GARBLED = (
    "The letters of this PDF cannot be told: it does not say which characters they are. Run text recognition (OCR) on it "
    "and upload the result."
)
_XFA = (
    "This PDF is a form of Adobe's XFA kind, which only Adobe's programs show. Print it to a new PDF and upload that."
)
_EMPTY = "This PDF contains no text. Upload one that does."
_WRONG_PASSWORD, _UNKNOWN_SECURITY = 4, 5  # FPDF_GetLastError in fpdfview.h
_STAMP = 200  # characters at most that a scanner's app writes on a page
_PAGE_OF_PICTURE = 0.7  # the share of a page that a scan covers
_PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")
_PRIVATE_SHARE = 1 / 3


@dataclass
class _Pages:
    """The numbers of pages that need a note."""

    unreadable: list[int] = field(default_factory=list)
    pictures: list[int] = field(default_factory=list)
    garbled: list[int] = field(default_factory=list)

    def notes(self) -> list[str]:
        reasons = {"could not be read.": self.unreadable, "only pictures, no text.": self.pictures}
        reasons["letters that cannot be told. Run text recognition (OCR) on them."] = self.garbled
        colon = {"could not be read.": ""}
        return [f"{_page_list(pages)}{colon.get(why, ':')} {why}" for why, pages in reasons.items() if pages]


def read(file: IO[bytes]) -> Extracted:
    """One block for each page, those of embedded PDFs after them. What cannot be read becomes a note.

    Raises PermanentError for a locked, damaged, scanned or empty file.
    """
    data = file.read()
    pdf = _open(data)
    if pdf.get_formtype() == raw.FORMTYPE_XFA_FULL:
        raise PermanentError(_XFA)
    notes: list[str] = []
    return Extracted(_blocks(pdf, data, notes), notes)


def _blocks(pdf: pypdfium2.PdfDocument, data: bytes, notes: list[str]) -> Iterator[Block]:
    remarks, of_attachments = _Pages(), list[str]()
    attachments = map(pdf.get_attachment, range(pdf.count_attachments()))
    embedded = (block for attachment in attachments for block in _attached(attachment, of_attachments))
    empty = True
    for block in chain(_pages(pdf, data, remarks), embedded):
        empty = False
        yield block
    notes += remarks.notes() + of_attachments
    if empty:
        raise PermanentError(
            _GARBLED if remarks.garbled else _SCAN if remarks.pictures else _DAMAGED if remarks.unreadable else _EMPTY
        )


def _open(source: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code in (_WRONG_PASSWORD, _UNKNOWN_SECURITY)
        raise PermanentError(_LOCKED if locked else _DAMAGED) from error


def _attached(attachment: pypdfium2.PdfAttachment, notes: list[str]) -> Iterator[Block]:
    """An embedded PDF has its name as the heading, and its own pages. Other files become a note."""
    name = heading(attachment.get_name())
    data = bytes(attachment.get_data())
    if not data.startswith(b"%PDF-"):
        notes.append(f"The embedded file {name} was left out.")
        return
    try:
        remarks = _Pages()
        for block in _pages(_open(data), data, remarks):
            yield replace(block, headings=(name,))
        notes += (f"{name}: {note}" for note in remarks.notes())
    except PermanentError as error:
        notes.append(f"{name}: {error}")


def _pages(pdf: pypdfium2.PdfDocument, data: bytes, remarks: _Pages) -> Iterator[Block]:
    """A block for each page with text. Each page is closed at once: 1,000 pages need no more memory than one."""
    off = layers.switched_off(data)
    if pdf.get_formtype() != raw.FORMTYPE_NONE:
        pdf.init_forms()
    joiner = Joiner()
    for number in range(1, len(pdf) + 1):
        try:
            page = pdf[number - 1]
            try:
                layers.remove(page, off)
                marks = list(marks_of(page, pdf.formenv))
                text = _text(page, number, marks, remarks) or _unseen(page, data, number)
                if text := clean(joiner.join(text)).strip():
                    yield Block(text, page=number)
            finally:
                page.close()
        except pypdfium2.PdfiumError:
            remarks.unreadable.append(number)


def _text(page: pypdfium2.PdfPage, number: int, marks: list[Mark], remarks: _Pages) -> str:
    """The page's text, of a picture or of garbled letters nothing but the marks."""
    textpage = order.upright(page)
    try:
        if textpage.count_chars() < _STAMP and _is_picture(page, textpage.get_text_range().strip() != ""):
            remarks.pictures.append(number)
        else:
            text = order.text(textpage, marks)
            if len(_PRIVATE.findall(text)) <= len(text) * _PRIVATE_SHARE:
                return text
            remarks.garbled.append(number)
        return "\n".join(mark.line for mark in marks)
    finally:
        textpage.close()


def _unseen(page: pypdfium2.PdfPage, data: bytes, number: int) -> str:
    """Vertical writing in a font that is not in the file, of which PDFium finds nothing."""
    textpage = page.get_textpage()
    count = textpage.count_chars()
    textpage.close()
    if count or not any(page.get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT])):
        return ""
    from nightshift.knowledge.extract.pdf import objects

    return objects.text(data, number)


def _is_picture(page: pypdfium2.PdfPage, stamped: bool) -> bool:
    """Whether a page is nothing but a picture; with a stamp on it, a picture as large as the page."""
    width, height = page.get_size()
    least = width * height * _PAGE_OF_PICTURE if stamped else 0
    boxes = (picture.get_bounds() for picture in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE]))
    return any((right - left) * (top - bottom) >= least for left, bottom, right, top in boxes)


def _page_list(pages: list[int], limit: int = 10) -> str:
    more = f" and {len(pages) - limit} more" if len(pages) > limit else ""
    return f"Page{'s' if len(pages) > 1 else ''} {', '.join(map(str, pages[:limit]))}{more}"
