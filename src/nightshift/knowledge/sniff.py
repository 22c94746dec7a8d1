"""Detects the kind of a file by its content; its name only distinguishes Markdown and CSV from plain text."""

import io
import re
from codecs import BOM_UTF8
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from nightshift.knowledge import sniff_text
from nightshift.knowledge.text import is_text

HEAD_BYTES = 1 << 16
DIRECTORY_BYTES = 1 << 20  # at the end of a zip file: enough for 10,000 parts, documents have hundreds
PDF_HEADER_WITHIN = 1024  # bytes: where Acrobat and PDFium look for %PDF-

# APPNOTE.TXT 4.3: a part's header; its entry in the directory, with the name's length; the directory's end.
_PART = b"PK\x03\x04"
_ENTRY = re.compile(rb"PK\x01\x02.{24}(..).{16}", re.DOTALL)
_DIRECTORY_END = b"PK\x05\x06"
# The first part of EPUB and OpenDocument, not compressed; .. is the length of its extra field.
_MIMETYPE = re.compile(_PART + rb".{22}\x08\0(..)mimetype", re.DOTALL)


@dataclass(frozen=True)
class _File:
    """`head`: the first 64 KB. `name`: in lower case. `parts`: the names inside a zip file."""

    head: bytes
    name: str
    parts: frozenset[bytes]


def kind_of(stream: IO[bytes], filename: str) -> str | None:
    """The kind (a key of the readers) of the file in `stream`; None where no reader supports it.

    Reads no more than the first 64 KB and, of a zip file, the last 1 MB. Leaves the stream at its beginning.
    Raises PermanentError, with a sentence that names it, for a format that can be saved as one with a reader.
    """
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    parts = _parts(stream) if head.startswith(_PART) else frozenset()
    stream.seek(0)
    file = _File(head, filename.lower(), parts)
    sniff_text.refuse_xml(head)
    return next((kind for kind, matches in _KINDS if matches(file)), None)


def _parts(stream: IO[bytes]) -> frozenset[bytes]:
    """The names in the directory of a zip file. Not read by zipfile, which would accept a directory of 50 MB."""
    stream.seek(max(stream.seek(0, io.SEEK_END) - DIRECTORY_BYTES, 0))
    tail = stream.read()
    end = tail.rfind(_DIRECTORY_END)
    begin = max(end - int.from_bytes(tail[end + 12 : end + 16], "little"), 0)
    found = _ENTRY.finditer(tail, begin)
    return frozenset(tail[entry.end() : entry.end() + int.from_bytes(entry[1], "little")] for entry in found)


def _is_pdf(file: _File) -> bool:
    """A text that mentions %PDF- near its beginning is not a PDF."""
    return file.head.removeprefix(BOM_UTF8).lstrip().startswith(b"%PDF-") or (
        b"%PDF-" in file.head[:PDF_HEADER_WITHIN] and not is_text(file.head)
    )


def _is_office(folder: bytes) -> Callable[[_File], bool]:
    def matches(file: _File) -> bool:
        return b"[Content_Types].xml" in file.parts and any(part.startswith(folder) for part in file.parts)

    return matches


def _has_mimetype(mimetype: bytes) -> Callable[[_File], bool]:
    def matches(file: _File) -> bool:
        part = _MIMETYPE.match(file.head)
        return part is not None and file.head.startswith(mimetype, part.end() + int.from_bytes(part[1], "little"))

    return matches


def _is_ole(file: _File) -> bool:
    """An XLS, or another OLE file, for which the reader of XLS has an error message."""
    return file.head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


def _is_rtf(file: _File) -> bool:
    return file.head.startswith(b"{\\rtf")


def _is_text(*endings: str) -> Callable[[_File], bool]:
    return lambda file: file.name.endswith(endings) and is_text(file.head)


# The first match wins. None: not supported, although it would pass as text.
_KINDS: tuple[tuple[str | None, Callable[[_File], bool]], ...] = (
    ("pdf", _is_pdf),
    ("docx", _is_office(b"word/")),
    ("pptx", _is_office(b"ppt/")),
    ("xlsx", _is_office(b"xl/")),
    ("epub", _has_mimetype(b"application/epub+zip")),
    ("ods", _has_mimetype(b"application/vnd.oasis.opendocument.spreadsheet")),
    ("xls", _is_ole),
    (None, _is_rtf),
    ("mail", lambda file: sniff_text.is_mail(file.head, file.name)),
    ("html", lambda file: sniff_text.is_html(file.head, file.name)),
    ("markdown", _is_text(".md", ".markdown")),
    ("csv", _is_text(".csv", ".tsv")),
    ("text", _is_text("")),
)
