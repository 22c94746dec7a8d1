"""EPUB: its chapters are web pages. Runs in a child process, see `child`."""

from collections.abc import Iterator
from pathlib import Path

from nightshift.errors import PermanentError
from nightshift.knowledge.extract import html
from nightshift.knowledge.extract.archive import Archive, target
from nightshift.knowledge.extract.blocks import Extracted, Paragraph, sections
from nightshift.knowledge.text import decode

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"  # may list only fonts, in any book
_PROTECTED = "This book is protected against copying (DRM). Upload a copy without protection."


def read(path: Path) -> Extracted:
    """One block for each heading, the chapters in the order of the book's spine.

    Raises PermanentError for a protected book and for a file that unpacks to too many bytes.
    """
    archive = Archive(path.read_bytes())
    chapters = _chapters(archive)
    if _encrypted(archive) & set(chapters):
        raise PermanentError(_PROTECTED)
    found = [name for name in chapters if archive.has(name)]
    missing = len(chapters) - len(found)
    notes = [f"{missing} of {len(chapters)} chapters are missing in the file."] if missing else []
    return Extracted(list(sections(_paragraphs(archive, found))), notes)


def _chapters(archive: Archive) -> list[str]:
    """The chapters' parts in reading order."""
    package = next(archive.xml(_CONTAINER).iter("{*}rootfile")).get("full-path", "")
    root = archive.xml(package)
    items = {item.get("id"): target(package, item.get("href", "")) for item in root.iterfind("{*}manifest/{*}item")}
    return [items[ref.get("idref")] for ref in root.iterfind("{*}spine/{*}itemref") if ref.get("idref") in items]


def _encrypted(archive: Archive) -> set[str]:
    references = archive.xml(_ENCRYPTION).iter("{*}CipherReference") if archive.has(_ENCRYPTION) else ()
    return {target("", reference.get("URI", "")) for reference in references}


def _paragraphs(archive: Archive, chapters: list[str]) -> Iterator[Paragraph]:
    for name in chapters:
        yield from html.paragraphs(decode(archive.read(name)))
