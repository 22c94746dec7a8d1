"""A table of a page while it is read."""

import re
from collections.abc import Sequence
from itertools import takewhile

from selectolax.lexbor import LexborNode

from nightshift.knowledge.extract.blocks import Paragraph, row
from nightshift.knowledge.extract.grid import MAX_SPAN, Cell, filled

_MAX_LABEL = 60  # characters
_TICK = re.compile(r"(?:^|[\s-])(?:check|checkmark|tick|yes)(?:$|[\s-])", re.IGNORECASE)
_CROSS = re.compile(
    r"(?:^|[\s-])(?:times|cross|xmark|cancel)(?:$|[\s-])|\b(?:icon|bi|fa|lucide|mdi|ti)-(?:x|close)\b", re.IGNORECASE
)


class Table:
    """Its rows so far."""

    def __init__(self) -> None:
        self._rows: list[list[Cell]] = []
        self._tags: list[Sequence[str]] = []  # of each row's cells

    def __bool__(self) -> bool:
        return bool(self._rows)

    def begin_row(self, tags: Sequence[str]) -> None:
        self._tags.append(tags)
        self._rows.append([])

    def add(self, text: str, cell: LexborNode) -> None:
        height, width = (_span(cell.attributes.get(name)) for name in ("rowspan", "colspan"))
        self._rows[-1].append((" ".join(text.split()) or _label(cell), height, width))

    def lines(self) -> list[str]:
        """The rows as they are written, which is enough for a table that is layout."""
        return [line for cells in self._rows if (line := row(text for text, _, _ in cells))]

    def paragraph(self) -> Paragraph:
        """Every row and column of a merged range has its text. A first row of names and values names no columns."""
        lines = self.lines()
        if any((rows, columns) != (1, 1) for cells in self._rows for _, rows, columns in cells):
            widest = max(map(len, self._rows))  # some pages have colspan=100 for the whole row
            cells = ([(text, rows, min(columns, widest)) for text, rows, columns in cells] for cells in self._rows)
            lines = list(filter(None, map(row, filled(cells))))
        heads = self._heads()
        return Paragraph("\n".join(lines), columns="\n".join(lines[:heads]) if len(lines) > heads else "")

    def _heads(self) -> int:
        """How many rows at the top have nothing but names; beside names, a cell in the corner may be empty."""
        rows = [pair for pair in zip(self._tags, self._rows, strict=True) if any(text for text, _, _ in pair[1])]
        named = (
            "th" in tags and all(tag == "th" or not cell[0] for tag, cell in zip(tags, cells, strict=False))
            for tags, cells in rows
        )
        return sum(takewhile(bool, named)) or int(bool(rows) and len(set(rows[0][0])) == 1)


def _label(cell: LexborNode) -> str:
    """What a picture in a cell without words stands for."""
    for part in cell.css("[alt], [aria-label], [class], svg title"):
        attributes = part.attributes
        label = attributes.get("alt") or attributes.get("aria-label") or (part.text() if part.tag == "title" else "")
        if label and label.strip():
            return " ".join(label.split())[:_MAX_LABEL]
        if part.tag in ("i", "span", "svg"):
            names = (attributes.get("class") or "").replace("_", "-")
            if _TICK.search(names) or _CROSS.search(names):
                return "✓" if _TICK.search(names) else "✗"
    return ""


def _span(value: str | None) -> int:
    """As in browsers: what is no number is 1. 0 goes to the table's end."""
    digits = (value or "").strip()
    return (int(digits[:4]) or MAX_SPAN) if digits.isdecimal() else 1
