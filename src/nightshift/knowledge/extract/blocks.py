"""What a reader hands back."""

from __future__ import annotations

from dataclasses import dataclass, field


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
