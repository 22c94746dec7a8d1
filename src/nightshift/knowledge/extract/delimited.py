"""CSV and TSV. Runs in a child process, see `child`."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import IO

from nightshift.knowledge.extract.blocks import Block, Extracted, row
from nightshift.knowledge.text import clean, decode_noting, without_data

SAMPLE_ROWS = 50

_FORMULA = re.compile(r'="([^"]*)"\Z')
_SEPARATOR = re.compile(r"\s*sep=(.)[ \t]*\n", re.IGNORECASE)  # Excel's first line, which it does not show


def read(file: IO[bytes]) -> Extracted:
    """One block with a line for each row, its cells separated by " | "; the lines above its column names are another."""
    text, notes = decode_noting(file.read())
    text = clean(without_data(text))
    csv.field_size_limit(len(text) + 1)
    named = _SEPARATOR.match(text)
    delimiter = named[1] if named else _delimiter(text)
    every = list(_rows(text[named.end() :] if named else text, delimiter))
    begin = sum(bool(row(cells)) for cells in every[: _begin(every)])
    rows = [cells for cells in every if row(cells)]
    above, lines = ([row(cells) for cells in some] for some in (rows[:begin], rows[begin:]))
    table = Block("\n".join(lines), columns=lines[0] if len(lines) > 1 else "")
    return Extracted([Block("\n".join(above)), table], notes)


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Without the formulas by which programs keep Excel from reading ="01067" as a number."""
    for cells in csv.reader(io.StringIO(text), delimiter=delimiter):
        yield [_FORMULA.sub(r"\1", cell) for cell in cells] if any(cell[:1] == "=" for cell in cells) else cells


def _delimiter(text: str) -> str:
    """What divides most of the first rows into the same number of cells; tab, semicolon and bar rather than the comma."""
    return max("\t;|,", key=lambda mark: _regular(list(islice(_rows(text, mark), SAMPLE_ROWS))))


def _regular(rows: list[list[str]]) -> int:
    """The number of rows that have the commonest number of cells above one."""
    counts = Counter(len(cells) for cells in rows if len(cells) > 1)
    return max(counts.values(), default=0)


def _begin(rows: list[list[str]]) -> int:
    """The index of the column names: the first of several cells, but for lines with at most half as many as most rows have,
    and those that an empty line divides from any row that wide.
    """
    filled = [sum(map(bool, cells)) for cells in rows[:SAMPLE_ROWS]]
    width = max(Counter(count for count in filled if count > 1).items(), key=lambda each: each[::-1], default=(0, 0))[0]
    for number, count in enumerate(filled):
        together = list(takewhile(bool, filled[number:]))
        if count > 1 and count * 2 > width and max(together) >= width:
            return number
    return 0
