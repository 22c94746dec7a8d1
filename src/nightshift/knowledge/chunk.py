"""Splits a document's text into chunks for embedding and search."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, groupby

import regex

from nightshift.graphemes import last_boundary
from nightshift.knowledge.extract.blocks import Block

# Characters: recall@5 .875 over 472 questions; overlap made up to 72 % more chunks for at most .02. A character has at most
# 4 bytes of UTF-8, so a chunk has at most 6,400 bytes, below the embedders' 8,000.
MAX_SIZE = 1600
MIN_SIZE = 400  # characters: a chunk of this size ends where a new page, heading or table begins
MAX_COLUMNS = MAX_SIZE // 2  # characters of column names that are repeated: the rest of a chunk is rows
SEPARATOR = "\n\n"  # between two blocks in the text that `start` and `end` refer to
SEGMENT = 200_000  # characters that are divided at once
AHEAD = 2 * MAX_SIZE  # no chunk depends on what stands further behind its start


# The last paragraph end, else sentence end, else line end, else word end of a window: `.*` is greedy.
_CUTS = [
    re.compile(".*" + cut, re.DOTALL)
    for cut in (r"\n[^\S\n]*\n", r"(?:[.!?…؟][\"'”’»)\]]*\s|[。！？।][」』”’）]*)", r"\n", r"\s")
]
_ROW = re.compile(r".*\n", re.DOTALL)
_CELL = re.compile(r".* \| ", re.DOTALL)
_JOINED = regex.compile(r"[\p{M}\u200d]")  # a part of the character before it
_VISIBLE = re.compile(r"\S")


@dataclass(frozen=True)
class Place:
    """Where text stands in its document: `start` and `end` count characters of the document's text."""

    page: int | None
    headings: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Chunk(Place):
    """`content` ends with `SEPARATOR.join(texts)[start:end]`, after the column names of a table that began before.

    The page and headings are those of its start. `places`: of each part, where there are several.
    """

    idx: int
    content: str
    places: tuple[Place, ...] = ()


def chunks(blocks: Iterable[Block]) -> Iterator[Chunk]:
    """The chunks in order, none blank or longer than `MAX_SIZE`; each visible character is in exactly one. Linear time.

    Takes the blocks as they come, and holds a segment of the text at a time.
    """
    chunker, length = _Chunker(), 0
    for block in blocks:
        chunker.blocks.append(block)
        length += len(block.text)
        if length >= SEGMENT:
            yield from chunker.chunks(AHEAD)
            length = 0
    yield from chunker.chunks()


class _Chunker:
    """`blocks`: those that hold text after the last chunk. Positions count from the first one."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._end = 0  # of the last chunk
        self._offset = 0  # of the first block in the document
        self._count = 0  # of chunks

    def chunks(self, ahead: int = 0) -> Iterator[Chunk]:
        """The chunks that begin more than `ahead` characters before the end of the blocks. Forgets the blocks before it."""
        self._join()
        while (visible := _VISIBLE.search(self._text, self._end)) and visible.start() + ahead < len(self._text):
            start = visible.start()
            columns = self._columns_before(start)
            self._end = self._end_of(start, start + MAX_SIZE - len(columns))
            content = self._content(start, self._end)
            places = self._places(start, start + len(content))
            whole = (places[0].page, places[0].headings, places[0].start, self._offset + start + len(content))
            yield Chunk(*whole, self._count, columns + content, places if len(places) > 1 else ())
            self._count += 1
        first = self._block(self._end)
        self._offset += self._starts[first]
        self._end -= self._starts[first]
        del self.blocks[:first]

    def _join(self) -> None:
        self._text = SEPARATOR.join(block.text for block in self.blocks).rstrip()
        self._starts = list(accumulate((len(block.text) + len(SEPARATOR) for block in self.blocks[:-1]), initial=0))
        pairs = zip(self.blocks, self.blocks[1:], self._starts[1:], strict=False)
        self._boundaries = [
            start for before, here, start in pairs if replace(before, text="") != replace(here, text="")
        ]

    def _block(self, position: int) -> int:
        return bisect_right(self._starts, position) - 1

    def _columns_before(self, start: int) -> str:
        """The column names to repeat before `start`, with a line end; "" outside of a table and in its first line."""
        number = self._block(start)
        columns = self.blocks[number].columns
        if not columns or start <= self._starts[number] + len(columns):
            return ""
        if len(columns) > MAX_COLUMNS:
            columns = columns[: _cut(columns, [_CELL], 0, 0, MAX_COLUMNS)].rstrip(" |")
        return columns + "\n"

    def _end_of(self, start: int, limit: int) -> int:
        """The end of the chunk that begins at `start`."""
        text = self._text
        following = bisect_left(self._boundaries, start + MIN_SIZE + len(SEPARATOR))
        if following < len(self._boundaries) and self._boundaries[following] - len(SEPARATOR) <= limit:
            return self._boundaries[following]
        if len(text) <= limit:
            return len(text)
        number = self._block(limit)
        if self.blocks[number].columns is not None:
            return self._end_in_table(number, start, limit)
        return _cut(text, _CUTS, start, start + MIN_SIZE, limit)

    def _end_in_table(self, number: int, start: int, limit: int) -> int:
        """At the end of a row, else before the table, else between two cells."""
        table, columns = self._starts[number], self.blocks[number].columns or ""
        rows = max(start, table + len(columns) + 1 if columns else table)
        if rows <= limit and (row := _ROW.match(self._text, rows, limit + 1)):
            return row.end()
        return table if table > start else _cut(self._text, [_CELL, *_CUTS], start, start, limit)

    def _content(self, start: int, end: int) -> str:
        """Without the white space, or the separator of cells, at its end."""
        in_table = self.blocks[self._block(end - 1)].columns is not None
        return self._text[start:end].removesuffix(" | " if in_table else "").rstrip()

    def _places(self, start: int, end: int) -> tuple[Place, ...]:
        """The parts of the text that stand on one page below one heading."""
        numbers = range(self._block(start), self._block(end - 1) + 1)
        parts = [list(same) for _, same in groupby(numbers, lambda n: (self.blocks[n].page, self.blocks[n].headings))]
        return tuple(self._place(part[0], part[-1], start, end) for part in parts)

    def _place(self, first: int, last: int, start: int, end: int) -> Place:
        block = self.blocks[first]
        begin = max(start, self._starts[first])
        end = min(end, self._starts[last] + len(self.blocks[last].text))
        return Place(block.page, block.headings, self._offset + begin, self._offset + end)


def _cut(text: str, cuts: Iterable[re.Pattern[str]], start: int, first: int, limit: int) -> int:
    """The last of the best cuts in text[first:limit], else the end of the last whole character of text[start:limit]."""
    ends = (found.end() for cut in cuts if (found := cut.match(text, first, limit)))
    whole = (end for end in ends if not _JOINED.match(text, end))
    return next(whole, None) or last_boundary(text, start, limit)
