"""Plain text."""

from collections.abc import Iterator
from typing import IO

from nightshift.knowledge.extract.blocks import Block, Extracted
from nightshift.knowledge.text import clean, decode_noting, without_data

PIECE = 100_000  # characters


def read(file: IO[bytes]) -> Extracted:
    """The whole file, in pieces that end at an empty line: joined again they are the same text."""
    text, notes = decode_noting(file.read())
    return Extracted(_pieces(clean(without_data(text))), notes)


def _pieces(text: str) -> Iterator[Block]:
    begin = 0
    while begin < len(text):
        end = text.find("\n\n", begin + PIECE)
        end = len(text) if end < 0 else end
        yield Block(text[begin:end])
        begin = end + 2
