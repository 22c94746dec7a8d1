"""Plain text."""

from pathlib import Path

from nightshift.knowledge.extract.blocks import Block, Extracted
from nightshift.knowledge.text import clean, decode


def read(path: Path) -> Extracted:
    """The whole file as one block."""
    return Extracted([Block(clean(decode(path.read_bytes())))])
