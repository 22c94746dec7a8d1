"""Extracts the text of a file, with the location of each part.

Add a format: a module with `read(file) -> Extracted`, a line in `READERS`, a line in `sniff._KINDS`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_END
from typing import IO

from nightshift.errors import PermanentError, one_line
from nightshift.knowledge.extract import child, plain
from nightshift.knowledge.extract.blocks import Block, Extracted, shortened

__all__ = ["Block", "Extracted", "extract"]

MAX_NOTES, MAX_NOTE, MAX_ERROR = 10, 1200, 500  # of a document; characters of each, and of those that are an error
SMALL_TEXT = 32 << 10  # bytes that no pattern takes long for: a child would cost more than reading them

# Each format is parsed in a child process, where a parser may crash or hang: the module whose `read` runs there.
READERS: dict[str, str] = {
    kind: f"nightshift.knowledge.extract.{module}"
    for kind, module in {
        "pdf": "pdf.document",
        "docx": "office.docx",
        "pptx": "office.pptx",
        "doc": "office.office97",
        "ppt": "office.office97",
        "epub": "web.epub",
        "xlsx": "sheets.xlsx",
        "xls": "sheets.xls",
        "ods": "sheets.ods",
        "html": "web.html",
        "webpage": "web.webpage",  # the main text of HTML from an address: never returned by `sniff`
        "mail": "mail",
        "csv": "delimited",
        "markdown": "markdown",
        "text": "plain",
    }.items()
}


@contextmanager
def extract(kind: str, file: IO[bytes], timeout_seconds: float = child.TIMEOUT_SECONDS) -> Iterator[Extracted]:
    """The blocks of a file, while it is read: at least one, none blank. `kind` comes from `sniff.kind_of`.

    The blocks raise PermanentError with a sentence for the customer; TemporaryError if the reader was stopped from outside.
    Raises KeyError for a kind without a reader.
    """
    size = file.seek(0, SEEK_END)
    file.seek(0)
    if kind == "text" and size <= SMALL_TEXT:
        yield _checked(plain.read(file))
        return
    with child.read(READERS[kind], file, timeout_seconds) as found:
        yield _checked(found)


def _checked(found: Extracted) -> Extracted:
    notes: list[str] = []
    return Extracted(_not_blank(found, notes), notes)


def _not_blank(found: Extracted, notes: list[str]) -> Iterator[Block]:
    empty = True
    for block in found.blocks:
        if block.text and not block.text.isspace():
            empty = False
            yield block
    notes += _shortened(found.notes)
    if empty:
        why = f" that can be read. {' '.join(notes)}" if notes else ". Upload one that does."
        raise PermanentError(shortened(f"This file contains no text{why}", MAX_ERROR))


def _shortened(notes: list[str]) -> list[str]:
    """At most `MAX_NOTES`, none too long: names that stand in a file are in them."""
    more = [f"There are {len(notes) - MAX_NOTES} more notes."] if len(notes) > MAX_NOTES else []
    return [one_line(note, MAX_NOTE) for note in notes[:MAX_NOTES]] + more
