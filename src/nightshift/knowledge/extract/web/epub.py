"""EPUB: its chapters are web pages. Runs in a child process, see `child`."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import IO

from lxml import etree

from nightshift.errors import PermanentError
from nightshift.knowledge.extract.archive import Archive, attribute_of, target
from nightshift.knowledge.extract.blocks import Extracted, Paragraph, sections
from nightshift.knowledge.extract.web import html
from nightshift.knowledge.text import decode

# For each part: the titles of the table of contents, by the id of the element they stand before, "" for the beginning.
Contents = dict[str, dict[str, Paragraph]]

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"  # may list only fonts, in any book
_PROTECTED = "This book is protected against copying (DRM). Upload a copy without protection."


def read(file: IO[bytes]) -> Extracted:
    """One block for each heading, the chapters in the order of the book's spine.

    Raises PermanentError for a protected book and for a file that unpacks to too many bytes.
    """
    archive = Archive(file.read())
    chapters = _chapters(archive)
    if _encrypted(archive) & set(chapters):
        raise PermanentError(_PROTECTED)
    found = [name for name in chapters if archive.has(name)]
    missing = len(chapters) - len(found)
    notes = [f"{missing} of {len(chapters)} chapters are missing in the file."] if missing else []
    return Extracted(sections(_paragraphs(archive, found, _contents(archive))), notes)


def _package(archive: Archive) -> tuple[str, etree._Element]:
    """The name and the root of the part that lists the book's parts."""
    name = next(archive.xml(_CONTAINER).iter("{*}rootfile")).get("full-path", "")
    return name, archive.xml(name)


def _chapters(archive: Archive) -> list[str]:
    """The chapters' parts in reading order."""
    package, root = _package(archive)
    items = {item.get("id"): target(package, item.get("href", "")) for item in root.iterfind("{*}manifest/{*}item")}
    return [items[ref.get("idref")] for ref in root.iterfind("{*}spine/{*}itemref") if ref.get("idref") in items]


def _contents(archive: Archive) -> Contents:
    """The titles of the table of contents: that of EPUB 3, else the NCX of EPUB 2."""
    package, root = _package(archive)
    items = list(root.iterfind("{*}manifest/{*}item"))
    pages = [item for item in items if "nav" in item.get("properties", "").split()]
    indexes = [item for item in items if item.get("media-type") == "application/x-dtbncx+xml"]
    contents: Contents = {}
    for item in pages or indexes:
        name = target(package, item.get("href", ""))
        with suppress(KeyError, etree.XMLSyntaxError):  # a book is read without its table of contents too
            for level, title, reference in _entries(archive.xml(name)):
                anchors = contents.setdefault(target(name, reference), {})
                anchors.setdefault(reference.partition("#")[2], Paragraph(title, level))
    return contents


def _entries(root: etree._Element) -> Iterator[tuple[int, str, str]]:
    """Level, title and reference of each entry."""
    for point in root.iter("{*}navPoint"):
        label, content = point.find("{*}navLabel/{*}text"), point.find("{*}content")
        if label is not None and content is not None:
            yield 1 + sum(1 for _ in point.iterancestors("{*}navPoint")), label.text or "", content.get("src", "")
    for nav in root.iter("{*}nav"):
        if attribute_of(nav, "type") == "toc":
            for link in nav.iter("{*}a"):
                yield sum(1 for _ in link.iterancestors("{*}ol")), "".join(link.itertext()), link.get("href", "")


def _encrypted(archive: Archive) -> set[str]:
    references = archive.xml(_ENCRYPTION).iter("{*}CipherReference") if archive.has(_ENCRYPTION) else ()
    return {target("", reference.get("URI", "")) for reference in references}


def _paragraphs(archive: Archive, chapters: list[str], contents: Contents) -> Iterator[Paragraph]:
    """The paragraphs of the chapters; where one has no heading of its own, it is that of the table of contents."""
    for name in chapters:
        anchors = contents.get(name, {})
        found = html.paragraphs(decode(archive.read(name)), anchors)
        yield from _without_repeated(
            chain([anchors[""]] if "" in anchors else [], found), set(map(id, anchors.values()))
        )


def _without_repeated(paragraphs: Iterable[Paragraph], entries: set[int]) -> Iterator[Paragraph]:
    """Without the entries of a table of contents that a heading of the text follows."""
    entry: Paragraph | None = None
    for paragraph in paragraphs:
        if id(paragraph) in entries:
            entry = paragraph
        elif paragraph.text.strip():
            if entry is not None and paragraph.level is None:
                yield entry
            entry = None
            yield paragraph
