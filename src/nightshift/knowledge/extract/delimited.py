"""CSV and TSV. Runs in a child process, see `child`."""

import csv
import io
import re
from pathlib import Path

from nightshift.knowledge.extract.blocks import Block, Extracted, row
from nightshift.knowledge.text import SAMPLE_BYTES, clean, decode

_QUOTED = re.compile('"[^"]*"')


def read(path: Path) -> Extracted:
    """One block with a line for each row, its cells separated by " | "."""
    text = clean(decode(path.read_bytes()))
    csv.field_size_limit(len(text) + 1)
    rows = csv.reader(io.StringIO(text), delimiter=_delimiter(text))
    return Extracted([Block("\n".join(line for cells in rows if (line := row(cells))))])


def _delimiter(text: str) -> str:
    """Tab, semicolon or bar if each of the first lines contains it outside of quotes; else the comma."""
    lines = [line for line in _QUOTED.sub("", text[:SAMPLE_BYTES]).split("\n")[:50] if line.strip()]
    return next((mark for mark in "\t;|" if lines and all(mark in line for line in lines)), ",")
