"""Detects the kind of a file by its content; its name only distinguishes Markdown and CSV from plain text."""

import io
import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import IO

from nightshift.knowledge import sniff_text
from nightshift.knowledge.extract import ole
from nightshift.knowledge.text import is_text

HEAD_BYTES = 1 << 16
DIRECTORY_BYTES = 1 << 20  # at the end of a zip file: enough for 10,000 parts, documents have hundreds
PDF_HEADER_WITHIN = 1024  # bytes: where Acrobat and PDFium look for %PDF-

# APPNOTE.TXT 4.3: a part's header; its entry in the directory, with the name's length and where the part is; the
# directory's end.
_PART = b"PK\x03\x04"
_ENTRY = re.compile(rb"PK\x01\x02.{24}(..).{12}(....)", re.DOTALL)
_DIRECTORY_END = b"PK\x05\x06"
_DEFLATED = b"\x08\0"
_ODS = b"application/vnd.oasis.opendocument.spreadsheet"


@dataclass(frozen=True)
class _File:
    """`head`: the first 64 KB. `name`: in lower case. `parts`: the names inside a zip file. `streams`: of an OLE file."""

    head: bytes
    name: str
    parts: Collection[bytes] = ()
    mimetype: bytes = b""  # as EPUB and OpenDocument have it in a part
    streams: frozenset[str] = frozenset()


def kind_of(stream: IO[bytes], filename: str) -> str | None:
    """The kind (a key of the readers) of the file in `stream`; None where no reader supports it.

    Reads no more than the first 64 KB and the directory of a zip or OLE file, of a zip file in its last 1 MB. Leaves the
    stream at its beginning.
    Raises PermanentError, with a sentence that names it, for a format that can be saved as one with a reader.
    """
    file = _file(stream, filename)
    sniff_text.refuse_xml(file.head)
    return next((kind for kind, matches in _KINDS if matches(file)), None)


def known_as(stream: IO[bytes]) -> str | None:
    """What a file is that no reader supports, and what to do about it; None where that is not known."""
    file = _file(stream, "")
    return next((known for known, matches in _KNOWN if matches(file)), None)


def _file(stream: IO[bytes], filename: str) -> _File:
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    file = _File(head, filename.lower())
    if head.startswith(_PART):
        parts = _parts(stream)
        file = replace(file, parts=parts, mimetype=_mimetype(stream, parts))
    elif head.startswith(ole.MAGIC):
        file = replace(file, streams=ole.streams(stream))
    stream.seek(0)
    return file


def _parts(stream: IO[bytes]) -> dict[bytes, int]:
    """The names in the directory of a zip file, plain, and where each part is.

    Not read by zipfile, which would accept a directory of 50 MB.
    """
    stream.seek(max(stream.seek(0, io.SEEK_END) - DIRECTORY_BYTES, 0))
    tail = stream.read()
    end = tail.rfind(_DIRECTORY_END)
    begin = max(end - int.from_bytes(tail[end + 12 : end + 16], "little"), 0)
    parts = {}
    for entry in _ENTRY.finditer(tail, begin):
        name = tail[entry.end() : entry.end() + int.from_bytes(entry[1], "little")]
        parts[name.replace(b"\\", b"/").lower()] = int.from_bytes(entry[2], "little")
    return parts


def _mimetype(stream: IO[bytes], parts: dict[bytes, int]) -> bytes:
    """The text of the part of that name, wherever it is, compressed or not."""
    stream.seek(parts.get(b"mimetype", 0))
    header = stream.read(30)
    if b"mimetype" not in parts or len(header) < 30:
        return b""
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    data = stream.read(lengths + 200)[lengths:]
    if header[8:10] == _DEFLATED:
        with suppress(zlib.error):
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, 200).strip()
    return data[: int.from_bytes(header[18:22], "little")].strip()


def _is_pdf(file: _File) -> bool:
    """A text that mentions %PDF- near its beginning is not a PDF, nor is a zip file with one in it."""
    return file.head.removeprefix(BOM_UTF8).lstrip().startswith(b"%PDF-") or (
        b"%PDF-" in file.head[:PDF_HEADER_WITHIN] and not is_text(file.head) and not file.parts
    )


def _is_office(folder: bytes) -> Callable[[_File], bool]:
    def matches(file: _File) -> bool:
        return b"[content_types].xml" in file.parts and any(part.startswith(folder) for part in file.parts)

    return matches


def _is_epub(file: _File) -> bool:
    """The container names the book; the part that names the type may be missing, or anywhere."""
    return file.mimetype == b"application/epub+zip" or (b"meta-inf/container.xml" in file.parts and not file.mimetype)


def _is_ole(*names: str) -> Callable[[_File], bool]:
    return lambda file: not file.streams.isdisjoint(names)


def _is_text(*endings: str) -> Callable[[_File], bool]:
    return lambda file: file.name.endswith(endings) and is_text(file.head)


def _is_odf(kind: bytes) -> Callable[[_File], bool]:
    return lambda file: file.mimetype.startswith(b"application/vnd.oasis.opendocument." + kind)


def _begins(*marks: bytes) -> Callable[[_File], bool]:
    return lambda file: file.head.startswith(marks)


_KNOWN: tuple[tuple[str, Callable[[_File], bool]], ...] = (
    ("an OpenDocument text (.odt); save it as .docx or PDF", _is_odf(b"text")),
    ("an OpenDocument presentation (.odp); save it as .pptx or PDF", _is_odf(b"presentation")),
    ("an RTF document; save it as .docx or PDF", _begins(b"{\\rtf")),
    ("an Outlook message (.msg); save it as .eml", _is_ole("__properties_version1.0")),
    (
        "a document of Pages, Numbers or Keynote; export it as PDF or to Word, Excel or PowerPoint",
        lambda file: any(part.startswith(b"index/") or part == b"index.zip" for part in file.parts),
    ),
    ("a zip archive; unpack it and upload its files", lambda file: bool(file.parts)),
    ("a picture; run text recognition (OCR) on it", _begins(b"\x89PNG", b"\xff\xd8\xff", b"GIF8")),
)

# The first match wins. None: not supported, although it would pass as text.
_KINDS: tuple[tuple[str | None, Callable[[_File], bool]], ...] = (
    ("pdf", _is_pdf),
    ("docx", _is_office(b"word/")),
    ("pptx", _is_office(b"ppt/")),
    ("xlsx", _is_office(b"xl/")),
    ("epub", _is_epub),
    ("ods", lambda file: file.mimetype in (_ODS, _ODS + b"-template")),
    ("doc", _is_ole("worddocument")),
    ("ppt", _is_ole("powerpoint document")),
    ("xls", _is_ole("workbook", "book", "encryptedpackage")),
    ("xls", lambda file: file.head.startswith(ole.MAGIC) and not file.streams),  # damaged: its reader says so
    (None, _begins(b"{\\rtf")),
    ("mail", lambda file: sniff_text.is_mail(file.head, file.name)),
    ("html", lambda file: sniff_text.is_html(file.head, file.name)),
    ("markdown", _is_text(".md", ".markdown", ".mdx")),
    ("csv", _is_text(".csv", ".tsv")),
    ("text", _is_text("")),
)
