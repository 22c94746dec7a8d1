"""A sheet as a reader sees it: displayed cells, merged ranges, and the tables that they form."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field, replace
from itertools import chain

from nightshift.errors import PermanentError
from nightshift.knowledge.extract.blocks import Block, Extracted, Paragraph, heading, sections, table
from nightshift.knowledge.extract.limits import MAX_CHARACTERS, TOO_LONG

MAX_COLUMNS = 16_384  # of Excel and LibreOffice
MAX_NAMES = 3  # rows of column names, where cells of the first one are merged
MAX_SPAN = 1000  # columns (and of a table in a text, rows) of a merged range that get its text
_YEAR = re.compile(r"(?:19|20)\d\d")

Rows = dict[int, list[str]]
Cell = tuple[str, int, int]  # its text, how many rows and columns it spans


@dataclass
class Sheet:
    """The displayed cells by row and column, the merged ranges, and the text of boxes and notes."""

    name: str
    hidden: bool = False
    cells: dict[int, dict[int, str]] = field(default_factory=dict)
    merged: list[list[int]] = field(default_factory=list)  # top, bottom, left, right, all included
    names: dict[int, int] = field(default_factory=dict)  # of a row that begins a table: how many rows name the columns
    texts: list[str] = field(default_factory=list)
    broken: bool = False
    left_out: bool = False  # has hidden rows or columns
    unknown: int = 0  # formulas without a stored result
    _length: int = 0

    def put(self, y: int, x: int, text: str) -> None:
        """Set a cell. Raises PermanentError where there is more text than a document may have."""
        if x >= MAX_COLUMNS or not text or text.isspace():
            return
        self._length += len(text) + len(" | ")
        if self._length > MAX_CHARACTERS:
            raise PermanentError(TOO_LONG)
        self.cells.setdefault(y, {})[x] = text

    def leave_out(self, rows: Set[int], columns: Set[int]) -> None:
        """Remove what is hidden."""
        for y in rows:
            self.left_out |= self.cells.pop(y, None) is not None
        for cells in self.cells.values() if columns else ():
            for x in columns & cells.keys():
                del cells[x]
                self.left_out = True
        self.cells = {y: cells for y, cells in self.cells.items() if cells}

    def paragraphs(self) -> Iterator[Paragraph]:
        """The tables, the lines of text outside of them, and the text boxes. Empty rows and columns are left out."""
        self._fill()
        used = sorted({x for cells in self.cells.values() for x in cells})
        rows = {
            y: [cells.get(x, "") for x in used[: bisect_right(used, max(cells))]]
            for y, cells in sorted(self.cells.items())
        }
        yield from _tables(rows, self.names)
        yield from map(Paragraph, self.texts)

    def _fill(self) -> None:
        """Write the text of each merged range into all its rows and columns; a range alone in its row is a title."""
        ends = {y: (min(cells), max(cells)) for y, cells in self.cells.items()}
        present = sorted(ends)
        for top, bottom, left, right in self.merged:
            text = self.cells[top].get(left) if top in ends else None
            if text is None or ends[top] == (left, left) or (top, left) == (bottom, right):
                continue
            if bottom - top < MAX_NAMES:
                self.names[top] = max(self.names.get(top, 1), bottom - top + 1, 2 if right > left else 1)
            for y in present[bisect_left(present, top) : bisect_right(present, bottom)]:
                for x in range(left, min(right, left + MAX_SPAN) + 1):
                    self.put(y, x, text)


def spanned(rows: Iterable[Iterable[Cell]]) -> Sheet:
    """A table whose cells say how many rows and columns they span."""
    sheet = Sheet("")
    taken: set[tuple[int, int]] = set()
    for y, cells in enumerate(listed := list(rows)):
        x = 0
        for text, height, width in cells:
            while (y, x) in taken:
                x += 1
            height, width = min(height, MAX_SPAN, len(listed) - y), min(width, MAX_SPAN)
            sheet.put(y, x, text)
            if (height, width) != (1, 1):
                sheet.merged.append([y, y + height - 1, x, x + width - 1])
                taken.update((below, x + beside) for below in range(y + 1, y + height) for beside in range(width))
            x += width
    return sheet


def filled(rows: Iterable[Iterable[Cell]]) -> list[list[str]]:
    """The rows of such a table with the text of each merged range in all its cells, without empty rows."""
    sheet = spanned(rows)
    sheet._fill()
    return [[cells.get(x, "") for x in range(max(cells) + 1)] for _, cells in sorted(sheet.cells.items())]


def _tables(rows: Rows, names: dict[int, int]) -> Iterator[Paragraph]:
    """A new table begins after an empty row, where a row of names is followed by one with values."""
    here: list[list[str]] = []  # the rows of a table
    count = 1
    numbers = list(rows)
    for at, y in enumerate(numbers):
        cells = rows[y]
        if here and y > numbers[at - 1] + 1 and _begins(rows, numbers[at : at + 4]):
            yield table(here, count)
            here = []
        if not here and sum(map(bool, cells)) == 1:
            yield Paragraph("".join(cells))
            continue
        if not here:
            count = _names([rows[below] for below in numbers[at : at + MAX_NAMES]], names.get(y, 0))
        here.append(cells)
    yield table(here, count)


def _names(top: list[list[str]], said: int) -> int:
    """How many rows at the top of a table name the columns: at most `said`, where merged cells do, of those without values.

    A pair of a name and a value names none, nor does a row of numbers above others.
    """
    pair = len(top[0]) == 2 and (_has_value(top[0]) or top[0][0].endswith((":", "：")))
    if not said and (pair or not any(map(_has_letter, chain(*top[:2])))):
        return 0
    return next((n for n in range(1, min(said, len(top))) if _has_value(top[n], but_years=True)), max(said, 1))


def _begins(rows: Rows, numbers: list[int]) -> bool:
    """Whether column names stand in the next row with several cells: no value is among them, but below them."""
    following = [cells for y in numbers if sum(map(bool, cells := rows[y])) > 1][:2]
    return len(following) == 2 and not _has_value(following[0], but_years=True) and _has_value(following[1])


def _has_value(cells: list[str], but_years: bool = False) -> bool:
    """Whether a cell has no letter."""
    return any(cell and not _has_letter(cell) and not (but_years and _YEAR.fullmatch(cell)) for cell in cells)


def _has_letter(cell: str) -> bool:
    return any(map(str.isalpha, cell))


def extracted(sheets: Iterable[Sheet]) -> Extracted:
    """The blocks of the visible sheets, each below its name, and notes about what was left out."""
    notes: list[str] = []
    return Extracted(_blocks(sheets, notes), notes)


def _blocks(sheets: Iterable[Sheet], notes: list[str]) -> Iterator[Block]:
    for sheet in sheets:
        name = heading(sheet.name)
        if sheet.hidden:
            notes.append(f"Sheet {name} is hidden and was left out.")
            continue
        if sheet.broken:
            notes.append(f"Sheet {name} could not be read.")
        if sheet.left_out:
            notes.append(f"Hidden rows or columns of sheet {name} were left out.")
        if sheet.unknown:
            notes.append(
                f"{sheet.unknown} formulas of sheet {name} have no stored result and were left out: open the file, "
                "save it, and upload that copy."
            )
        yield from (replace(block, headings=(name,)) for block in sections(sheet.paragraphs()))
