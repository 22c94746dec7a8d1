"""CSV and TSV. Runs in a child process, see `child`."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import IO

from nightshift.knowledge.extract.blocks import Block, Extracted, row
from nightshift.knowledge.text import clean, decode_noting, without_data

SAMPLE_ROWS = 50

_SEPARATOR = re.compile(r"\s*sep=(.)[ \t]*\n", re.IGNORECASE)  # Excel's first line, which it does not show


def read(file: IO[bytes]) -> Extracted:
    """One block with a line for each row, its cells separated by " | "; the lines above its column names are another."""
    text, notes = decode_noting(file.read())
    text = clean(without_data(text))
    csv.field_size_limit(len(text) + 1)
    named = _SEPARATOR.match(text)
    delimiter = named[1] if named else _delimiter(text)
    rows = [cells for cells in _rows(text[named.end() :] if named else text, delimiter) if row(cells)]
    begin = _begin(rows)
    above, lines = ([row(cells) for cells in some] for some in (rows[:begin], rows[begin:]))
    table = Block("\n".join(lines), columns=lines[0] if len(lines) > 1 else "")
    return Extracted([Block("\n".join(above)), table], notes)


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text), delimiter=delimiter)


def _delimiter(text: str) -> str:
    """What divides most of the first rows into the same number of cells; tab, semicolon and bar rather than the comma."""
    return max("\t;|,", key=lambda mark: _regular(list(islice(_rows(text, mark), SAMPLE_ROWS))))


def _regular(rows: list[list[str]]) -> int:
    """The number of rows that have the commonest number of cells above one."""
    counts = Counter(len(cells) for cells in rows if len(cells) > 1)
    return max(counts.values(), default=0)


def _begin(rows: list[list[str]]) -> int:
    """The index of the column names: after lines of one cell, such as a title, above wider rows."""
    wide = next((number for number, cells in enumerate(rows[:SAMPLE_ROWS]) if sum(map(bool, cells)) > 1), 0)
    return wide if all(sum(map(bool, cells)) <= 1 for cells in rows[:wide]) else 0
