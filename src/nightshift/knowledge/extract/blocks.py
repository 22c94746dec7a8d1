"""The blocks of text that readers return."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nightshift.knowledge.text import clean

MAX_HEADING = 200  # characters: every chunk below a heading repeats it


@dataclass(frozen=True)
class Block:
    """A piece of clean text from one location: `page` counts from 1, `headings` are in order from the outermost."""

    text: str
    page: int | None = None
    headings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Extracted:
    """A document's text in reading order, and notes about missing parts ("Page 3 could not be read.")."""

    blocks: list[Block]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of a document without pages. `level`: the level of a heading, 0 or 1 for the outermost."""

    text: str
    level: float | None = None


def sections(paragraphs: Iterable[Paragraph]) -> Iterator[Block]:
    """One block for each section, beginning with its heading; `headings` contains that heading and those above it."""
    path: list[tuple[float, str]] = []
    texts: list[str] = []
    for paragraph in paragraphs:
        text = clean(paragraph.text).strip()
        if text and paragraph.level is not None:
            yield _block(texts, path)
            title = " ".join(text.split())[:MAX_HEADING]
            path = [*(above for above in path if above[0] < paragraph.level), (paragraph.level, title)]
            texts = []
        if text:
            texts.append(text)
    yield _block(texts, path)


def row(cells: Iterable[str]) -> str:
    """A table's row as one line; empty cells at the end are left out."""
    return " | ".join(" ".join(cell.split()) for cell in cells).rstrip(" |")


def _block(texts: list[str], path: list[tuple[float, str]]) -> Block:
    return Block("\n\n".join(texts), headings=tuple(title for _, title in path))
