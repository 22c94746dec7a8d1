"""DOCX: all that its reader sees. Runs in a child process, see `child`."""

import re
from collections.abc import Iterable, Iterator
from typing import IO

from lxml import etree

from nightshift.knowledge.extract.archive import Archive, attribute_of
from nightshift.knowledge.extract.blocks import Extracted, Paragraph, sections
from nightshift.knowledge.extract.office import embedded
from nightshift.knowledge.extract.office.numbering import Numbering, value_of
from nightshift.knowledge.extract.office.ooxml import Walker, is_on

_HEADING = re.compile(r"heading (\d)$", re.IGNORECASE)  # the name in every language's Word
_BODY_TEXT = 9  # the outline level of body text
_MAX_STYLES = 20  # the depth of styles based on one another, which may be a cycle


def read(file: IO[bytes]) -> Extracted:
    """One block for each heading and each table. Page headers come first and page footers last, each text once.

    Raises PermanentError for a file that unpacks to too many bytes.
    """
    notes: list[str] = []
    return Extracted(sections(_paragraphs(Archive(file.read()), notes)), notes)


def _paragraphs(archive: Archive, notes: list[str]) -> Iterator[Paragraph]:
    part = archive.main_part()
    styles = _Styles(archive, part)
    yield from _repeated(archive, part, "header", styles)
    yield from _Document(archive, part, styles, notes).paragraphs(archive.xml(part))
    yield from _repeated(archive, part, "footer", styles)


def _repeated(archive: Archive, part: str, kind: str, styles: "_Styles") -> Iterable[Paragraph]:
    """The distinct headers or footers: each section has up to three, most of them equal."""
    parts = archive.related(part, kind)
    return dict.fromkeys(
        found for name in parts for found in _Document(archive, name, styles, []).paragraphs(archive.xml(name))
    )


class _Styles:
    """The styles of paragraphs and characters, and the numbers they bring."""

    def __init__(self, archive: Archive, part: str) -> None:
        styles = [style for name in archive.related(part, "styles") for style in archive.xml(name).iter("{*}style")]
        self._styles = {attribute_of(style, "styleId"): style for style in styles}
        vanish = {name: style.find("{*}rPr/{*}vanish") for name, style in self._styles.items()}
        says = {name: is_on(found) for name, found in vanish.items() if found is not None}
        self.hidden = {
            name
            for name in (self._styles if says else ())
            if next((says[based] for based, _ in self.chain(name) if based in says), False)
        }
        links = {name: value_of(style, "pPr/numPr/numId") for name, style in self._styles.items()}
        self.numbering = Numbering(map(archive.xml, archive.related(part, "numbering")), links)

    def chain(self, name: str) -> Iterator[tuple[str, etree._Element]]:
        """A style and those that it is based on."""
        for _ in range(_MAX_STYLES):
            if (style := self._styles.get(name)) is None:
                return
            yield name, style
            name = value_of(style, "basedOn")


class _Document(Walker):
    def __init__(self, archive: Archive, part: str, styles: _Styles, notes: list[str]) -> None:
        super().__init__(archive, part)
        self._styles = styles
        self._left_out = notes
        self._notes = {
            (kind, attribute_of(note, "id")): note
            for kind in ("footnote", "endnote")
            for name in archive.related(part, kind + "s")
            for note in archive.xml(name)
        }

    def level(self, paragraph: etree._Element) -> int | None:
        """By its own outline level, else by that of its style or of a style that this one is based on."""
        outline = value_of(paragraph, "pPr/outlineLvl")
        for _, style in self._styles.chain(value_of(paragraph, "pPr/pStyle")):
            if outline:
                break
            name = value_of(style, "name")
            if heading := _HEADING.match(name):
                return int(heading[1])
            if name.lower() == "title":
                return 0
            outline = value_of(style, "pPr/outlineLvl")
        return int(outline) + 1 if outline and int(outline) != _BODY_TEXT else None

    def label(self, paragraph: etree._Element) -> str:
        """The number in front of a paragraph, by its own list, else by that of its style."""
        list_id, level = value_of(paragraph, "pPr/numPr/numId"), value_of(paragraph, "pPr/numPr/ilvl")
        numbering = self._styles.numbering
        if not list_id:
            for name, style in self._styles.chain(value_of(paragraph, "pPr/pStyle")):
                if list_id := value_of(style, "pPr/numPr/numId"):
                    tied = numbering.level_of(list_id, name)
                    level = level or (str(tied) if tied is not None else value_of(style, "pPr/numPr/ilvl"))
                    break
        return numbering.label(list_id, int(level or 0)) if list_id else ""

    def hidden(self, run: etree._Element) -> bool:
        """By itself, else by its style or by that of its paragraph."""
        vanish = run.find("{*}rPr/{*}vanish")
        if vanish is not None or not self._styles.hidden:
            return is_on(vanish)
        paragraph = next(run.iterancestors("{*}p"), run)
        return not self._styles.hidden.isdisjoint((value_of(run, "rPr/rStyle"), value_of(paragraph, "pPr/pStyle")))

    def note(self, reference: etree._Element) -> Iterable[etree._Element]:
        """The note, at its first reference."""
        kind = etree.QName(reference).localname.removesuffix("Reference")
        note = self._notes.pop((kind, attribute_of(reference, "id")), None)
        return () if note is None else note

    def chunk(self, element: etree._Element) -> Iterator[Paragraph]:
        """The paragraphs of a document that is embedded as a part of this one."""
        if part := self.part(element, "id"):
            data = self._archive.read(part)
            if data.startswith(b"PK"):
                yield from _paragraphs(self._archive.within(data), self._left_out)
            else:
                yield from embedded.paragraphs(data, self._left_out)
