"""What a file holds, read to its end."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from nightshift.knowledge import extract as extracting
from nightshift.knowledge.extract import Block
from nightshift.knowledge.extract.blocks import Extracted as Reading


class Extracted(NamedTuple):
    blocks: list[Block]
    notes: list[str]


def extract(kind: str, path: Path) -> Extracted:
    with path.open("rb") as file:
        return whole(extracting.extract(kind, file))


def whole(reading: AbstractContextManager[Reading]) -> Extracted:
    with reading as found:
        return Extracted(list(found.blocks), found.notes)
