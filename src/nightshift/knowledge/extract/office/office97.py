"""The old DOC and PPT, read by office-oxide. Runs in a child process, see `child`."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import IO, Any, Literal

from office_oxide import Document, OfficeOxideError

from nightshift.errors import PermanentError
from nightshift.knowledge.extract import ole
from nightshift.knowledge.extract.blocks import Block, Extracted, Paragraph, heading, sections, slide
from nightshift.knowledge.extract.grid import Cell, Sheet, spanned
from nightshift.knowledge.extract.limits import LOCKED

_DAMAGED = "This file could not be read: it may be damaged. Save it as .docx, .pptx or .xlsx and upload that copy."
_HEADERS = ("header", "first_page_header", "even_page_header")
_FOOTERS = ("footer", "first_page_footer", "even_page_footer")

Element = dict[str, Any]


def read(file: IO[bytes]) -> Extracted:
    """The blocks of each heading as of a DOCX, or of each slide as of a PPTX.

    Raises PermanentError for a locked or damaged file.
    """
    data = file.read()
    if "powerpoint document" in ole.streams(io.BytesIO(data)):
        slides = enumerate(_sections(data, "ppt"), 1)
        return Extracted(block for number, part in slides for block in _slide(part, number))
    return Extracted(sections(_document(_sections(data, "doc"))))


def sheets(data: bytes) -> list[Sheet]:
    """The sheets of an XLS, without number formats. Raises PermanentError for a locked or damaged file."""
    found = []
    for part in _sections(data, "xls"):
        rows = (row for element in part["elements"] if element["type"] == "table" for row in element["rows"])
        found.append(replace(spanned(map(_cells, rows)), name=part["title"] or "", hidden=bool(part.get("hidden"))))
    return found


def _sections(data: bytes, kind: Literal["doc", "ppt", "xls"]) -> list[Element]:
    try:
        found: list[Element] = Document.from_bytes(data, kind).to_ir()["sections"]
    except OfficeOxideError as error:
        raise PermanentError(LOCKED if "password" in str(error) else _DAMAGED) from error
    return found


def _document(found: list[Element]) -> Iterator[Paragraph]:
    yield from _repeated(found, _HEADERS)
    for section in found:
        yield from _paragraphs(section["elements"])
    yield from _repeated(found, _FOOTERS)


def _repeated(found: list[Element], kinds: Iterable[str]) -> Iterable[Paragraph]:
    """The distinct headers or footers."""
    parts = (section[kind] for section in found for kind in kinds if section.get(kind))
    return dict.fromkeys(paragraph for part in parts for paragraph in _paragraphs(part["content"]))


def _slide(found: Element, number: int) -> Iterator[Block]:
    titles = [heading(_text([element])) for element in found["elements"] if element["type"] == "heading"]
    headings = tuple(filter(None, titles[:1]))
    yield from slide(_paragraphs(found["elements"]), number, headings)
    yield from slide(_paragraphs(found.get("speaker_notes") or ()), number, (*headings, "Notes"))


def _paragraphs(elements: Iterable[Element]) -> Iterator[Paragraph]:
    for element in elements:
        kind = element["type"]
        if kind == "table":
            yield from spanned(map(_cells, element["rows"])).paragraphs()
        elif kind == "list":
            yield Paragraph(_list(element))
        elif kind in ("paragraph", "heading"):
            yield Paragraph("".join(_runs(element)), element.get("level"))
        elif element.get("marker") != "comment":
            yield from _paragraphs(element.get("content") or ())


def _cells(row: Element) -> Iterator[Cell]:
    for cell in row["cells"]:
        yield _text(cell["content"]), cell["row_span"], cell["col_span"]


def _list(element: Element, indent: str = "") -> str:
    """A line for each item, without numbers: office-oxide takes every list for a numbered one."""
    lines = []
    for item in element["items"]:
        lines.append(f"{indent}- {_text(item['content'])}")
        if item.get("nested"):
            lines.append(_list(item["nested"], indent + "  "))
    return "\n".join(lines)


def _text(elements: Iterable[Element]) -> str:
    return " ".join(paragraph.text for paragraph in _paragraphs(elements))


def _runs(paragraph: Element) -> Iterator[str]:
    for run in paragraph["content"]:
        yield "\n" if run["type"] == "line_break" else run.get("text", "")
