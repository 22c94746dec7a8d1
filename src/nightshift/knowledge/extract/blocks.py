"""What a reader hands back."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nightshift.knowledge.text import clean

MAX_HEADING = 200  # characters cited: every chunk below a heading repeats it


@dataclass(frozen=True)
class Block:
    """A stretch of clean text from one place: `page` counts from 1, `headings` go from the outermost inwards."""

    text: str
    page: int | None = None
    headings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Extracted:
    """The text of a document in reading order, and sentences about what is missing ("Page 3 could not be read.")."""

    blocks: list[Block]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Paragraph:
    """A stretch of text of a document without pages. `level`: of a heading, the smaller the further out."""

    text: str
    level: int | None = None


def sections(paragraphs: Iterable[Paragraph]) -> Iterator[Block]:
    """A block a section, each beginning with its heading; `headings` names that heading and those above it."""
    path: list[tuple[int, str]] = []
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
    """A line of a table: empty cells keep their place, but for those at the end."""
    return " | ".join(" ".join(cell.split()) for cell in cells).rstrip(" |")


def _block(texts: list[str], path: list[tuple[int, str]]) -> Block:
    return Block("\n\n".join(texts), headings=tuple(title for _, title in path))
