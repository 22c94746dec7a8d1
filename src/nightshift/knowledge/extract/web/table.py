"""A table of a page while it is read."""

from collections.abc import Sequence

from nightshift.knowledge.extract.blocks import Paragraph, row
from nightshift.knowledge.extract.sheets.grid import MAX_SPAN, Cell, filled


class Table:
    """Its rows so far. `kinds`: of the cells of the first row, "td", "th" or "tdth"."""

    def __init__(self) -> None:
        self.kinds = ""
        self._rows: list[list[Cell]] = []
        self._heads = 0  # rows at the top with nothing but names

    def begin_row(self, tags: Sequence[str]) -> None:
        kinds = "".join(sorted(set(tags)))
        self.kinds = self.kinds or kinds
        self._heads += kinds == "th" and self._heads == len(self._rows)
        self._rows.append([])

    def add(self, text: str, rowspan: str | None, colspan: str | None) -> None:
        self._rows[-1].append((" ".join(text.split()), _span(rowspan), _span(colspan)))

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
        heads = 0 if self.kinds == "tdth" else max(self._heads, 1)
        return Paragraph("\n".join(lines), columns="\n".join(lines[:heads]) if len(lines) > heads else "")


def _span(value: str | None) -> int:
    """As in browsers: what is no number is 1. 0 goes to the table's end."""
    digits = (value or "").strip()
    return (int(digits[:4]) or MAX_SPAN) if digits.isdecimal() else 1
