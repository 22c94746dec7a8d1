"""The blocks of text that readers return."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

from nightshift.graphemes import last_boundary
from nightshift.knowledge.text import clean

MAX_HEADING = 200  # characters: every chunk below a heading repeats it


@dataclass(frozen=True)
class Block:
    """A piece of clean text from one location: `page` counts from 1, `headings` are in order from the outermost.

    A table is a block of its own with a line for each row. `columns`: the line (or lines) of column names that `text`
    begins with, "" for a table without names, None for anything but a table.
    """

    text: str
    page: int | None = None
    headings: tuple[str, ...] = ()
    columns: str | None = None


@dataclass(frozen=True)
class Extracted:
    """A document's text in reading order, and notes about missing parts ("Page 3 could not be read.").

    The blocks may be read as they are taken; the notes are complete after the last one.
    """

    blocks: Iterable[Block]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of a document without pages. `level`: the level of a heading, 0 or 1 for the outermost.

    `columns`: of a table, as in `Block`; see `table`.
    """

    text: str
    level: float | None = None
    columns: str | None = None


def sections(paragraphs: Iterable[Paragraph]) -> Iterator[Block]:
    """A block for each section, beginning with its heading; `headings` contains that heading and those above it.

    A table divides its section: one block for the text before it, one for the table, one for the text after it.
    """
    path: list[tuple[float, str]] = []
    texts: list[str] = []
    for paragraph in paragraphs:
        text = clean(paragraph.text).strip()
        if not text:
            continue
        if paragraph.columns is not None:
            yield _block(texts, path)
            yield replace(_block([text], path), columns=clean(paragraph.columns).strip())
            texts = []
        elif paragraph.level is None:
            texts.append(text)
        else:
            yield _block(texts, path)
            path = [*(above for above in path if above[0] < paragraph.level), (paragraph.level, heading(text))]
            texts = [text]
    yield _block(texts, path)


def slide(paragraphs: Iterable[Paragraph], page: int, headings: tuple[str, ...]) -> Iterator[Block]:
    """The blocks of a slide: a line for each paragraph, and its tables between them."""
    for is_table, group in groupby(paragraphs, lambda paragraph: paragraph.columns is not None):
        if is_table:
            yield from (replace(block, page=page, headings=headings) for block in sections(group) if block.text)
        else:
            lines = (clean(paragraph.text).strip() for paragraph in group)
            if text := "\n".join(filter(None, lines)):
                yield Block(text, page, headings)


def heading(text: str) -> str:
    """`text` as a heading: one line, not too long."""
    return shortened(" ".join(clean(text).split()), MAX_HEADING)


def shortened(text: str, limit: int) -> str:
    """`text` with at most that many characters, none of them divided."""
    return text if len(text) <= limit else text[: last_boundary(text, 0, limit)].rstrip()


def table(rows: Iterable[Iterable[str]], names: int = 1) -> Paragraph:
    """A table of these rows, without blank ones. `names`: the number of rows at its top that name the columns."""
    lines = [line for cells in rows if (line := row(cells))]
    return Paragraph("\n".join(lines), columns="\n".join(lines[:names]) if len(lines) > names else "")


def row(cells: Iterable[str]) -> str:
    """A table's row as one line; empty cells at the end are left out."""
    return " | ".join(" ".join(cell.split()) for cell in cells).rstrip(" |")


def _block(texts: list[str], path: list[tuple[float, str]]) -> Block:
    return Block("\n\n".join(texts), headings=tuple(title for _, title in path))
