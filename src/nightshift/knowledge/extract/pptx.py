"""PPTX, with the speaker's notes. Runs in a child process, see `child`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from lxml import etree

from nightshift.knowledge.extract.archive import Archive, attribute_of
from nightshift.knowledge.extract.blocks import MAX_HEADING, Block, Extracted, Paragraph
from nightshift.knowledge.extract.ooxml import Walker
from nightshift.knowledge.text import clean


def read(path: Path) -> Extracted:
    """One block for each slide, with its number as the page and its title as the heading, and one for its notes.

    Raises PermanentError for a file that unpacks to too many bytes.
    """
    archive = Archive(path)
    part = archive.main_part()
    relations = archive.relations(part)
    slides = [relations[attribute_of(slide, "id")][1] for slide in archive.xml(part).iter("{*}sldId")]
    return Extracted([block for number, name in enumerate(slides, 1) for block in _slide(archive, name, number)])


def _slide(archive: Archive, part: str, number: int) -> Iterator[Block]:
    slide, walker = archive.xml(part), Walker(archive, part)
    for shape in _shapes(slide, "sldNum"):
        shape.getparent().remove(shape)
    title = " ".join(_text(walker.paragraphs(_shapes(slide, "title", "ctrTitle"))).split())[:MAX_HEADING]
    headings = (title,) if title else ()
    yield Block(_text(walker.paragraphs(slide)), number, headings)
    for name in archive.related(part, "notesSlide"):
        notes = Walker(archive, name).paragraphs(_shapes(archive.xml(name), "body"))
        yield Block(_text(notes), number, (*headings, "Notes"))


def _shapes(slide: etree._Element, *kinds: str) -> list[etree._Element]:
    """The shapes in the layout's placeholders of these kinds."""
    placeholders = ((shape, shape.find("{*}nvSpPr/{*}nvPr/{*}ph")) for shape in slide.iter("{*}sp"))
    return [shape for shape, holder in placeholders if holder is not None and holder.get("type") in kinds]


def _text(paragraphs: Iterable[Paragraph]) -> str:
    return "\n".join(text for paragraph in paragraphs if (text := clean(paragraph.text).strip()))
