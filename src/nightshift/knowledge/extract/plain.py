"""Plain text."""

from pathlib import Path

from nightshift.knowledge.extract.blocks import Block, Extracted
from nightshift.knowledge.text import clean, decode_noting, without_data


def read(path: Path) -> Extracted:
    """The whole file as one block."""
    text, notes = decode_noting(path.read_bytes())
    return Extracted([Block(clean(without_data(text)))], notes)
