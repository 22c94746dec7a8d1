"""DOCX: all visible words; python-docx finds .913 of them (131 files). Runs in a child process, see `child`."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lxml import etree

from nightshift.knowledge.extract.archive import Archive, attribute_of
from nightshift.knowledge.extract.blocks import Extracted, Paragraph, sections
from nightshift.knowledge.extract.ooxml import Walker

_HEADING = re.compile(r"heading (\d)$", re.IGNORECASE)  # the name in every language's Word
_BODY_TEXT = 9  # the outline level of body text
_MAX_STYLES = 20  # the depth of styles based on one another, which may be a cycle


def read(path: Path) -> Extracted:
    """One block for each heading. Page headers come first and page footers last, each text once.

    Raises PermanentError for a file that unpacks to too many bytes.
    """
    archive = Archive(path)
    return Extracted(list(sections(_paragraphs(archive, archive.main_part()))))


def _paragraphs(archive: Archive, part: str) -> Iterator[Paragraph]:
    yield from _repeated(archive, part, "header")
    yield from _Document(archive, part).paragraphs(archive.xml(part))
    yield from _repeated(archive, part, "footer")


def _repeated(archive: Archive, part: str, kind: str) -> Iterable[Paragraph]:
    """The distinct headers or footers: each section has up to three, most of them equal."""
    parts = archive.related(part, kind)
    return dict.fromkeys(found for name in parts for found in Walker(archive, name).paragraphs(archive.xml(name)))


class _Document(Walker):
    def __init__(self, archive: Archive, part: str) -> None:
        super().__init__(archive, part)
        styles = [style for name in archive.related(part, "styles") for style in archive.xml(name).iter("{*}style")]
        self._styles = {attribute_of(style, "styleId"): style for style in styles}
        self._notes = {
            (kind, attribute_of(note, "id")): note
            for kind in ("footnote", "endnote")
            for name in archive.related(part, kind + "s")
            for note in archive.xml(name)
        }

    def level(self, paragraph: etree._Element) -> int | None:
        """By its own outline level, else by that of its style or of a style that this one is based on."""
        style_id = _value(paragraph, "{*}pPr/{*}pStyle")
        outline = _value(paragraph, "{*}pPr/{*}outlineLvl")
        for _ in range(_MAX_STYLES):
            style = self._styles.get(style_id)
            if outline or style is None:
                break
            name = _value(style, "{*}name")
            if heading := _HEADING.match(name):
                return int(heading[1])
            if name.lower() == "title":
                return 0
            outline, style_id = _value(style, "{*}pPr/{*}outlineLvl"), _value(style, "{*}basedOn")
        return int(outline) + 1 if outline and int(outline) != _BODY_TEXT else None

    def note(self, reference: etree._Element) -> Iterable[etree._Element]:
        """The note, at its first reference."""
        kind = etree.QName(reference).localname.removesuffix("Reference")
        note = self._notes.pop((kind, attribute_of(reference, "id")), None)
        return () if note is None else note


def _value(element: etree._Element, path: str) -> str:
    found = element.find(path)
    return "" if found is None else attribute_of(found, "val")
