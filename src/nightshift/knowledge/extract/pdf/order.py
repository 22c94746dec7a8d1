"""The text of a PDF's page in the order in which it is read."""

import re
from itertools import pairwise
from math import pi
from operator import itemgetter
from statistics import median

import pypdfium2
from pypdfium2 import raw

from nightshift.knowledge.extract.pdf.hyphens import BROKEN
from nightshift.knowledge.extract.pdf.marks import Mark
from nightshift.knowledge.extract.reading_order import Box, in_reading_order, split

_GAP = 1.0  # heights of a line between two columns
_COLUMN = 12  # heights of a line that a column of prose is wide: cells of tables are narrower
_LINES = 3  # that run on from one column to the next
_NEAR = 200  # points between a field and its label
_HYPHEN = re.compile(r"(?<=\w)-\n(?=\w)")


def upright(page: pypdfium2.PdfPage) -> pypdfium2.PdfTextPage:
    """The page's text, turned so that PDFium has its lines from top to bottom: it mistakes some turns for the others."""
    textpage = page.get_textpage()
    count = textpage.count_chars()
    angles = [raw.FPDFText_GetCharAngle(textpage.raw, at) for at in (0, count // 3, count // 2)]
    turn = 270 if any(abs(angle - pi / 2) < 0.1 for angle in angles) else 0
    if page.get_rotation() == turn:
        return textpage
    textpage.close()
    page.set_rotation(turn)
    return page.get_textpage()


def text(textpage: pypdfium2.PdfTextPage, marks: list[Mark]) -> str:
    """As drawn, but column by column where a page is drawn line by line across its columns. Marks stand at their labels.

    Uses `get_text_range`: `get_text_bounded` loses text outside the page's box, and the marks of hyphenated words.
    """
    lines = _lines(textpage)
    if not _is_interleaved(lines):
        return _with_marks(textpage, lines, marks)
    ordered = in_reading_order(
        [((left, -top, right, -bottom), box) for box in lines for left, bottom, right, top in [box]]
    )
    columns = "\n".join(textpage.get_text_bounded(*box).strip() for box in ordered)
    return "\n".join([_HYPHEN.sub(BROKEN, columns), *(mark.line for mark in marks)])


def _with_marks(textpage: pypdfium2.PdfTextPage, lines: list[Box], marks: list[Mark]) -> str:
    """A value is written behind the print to the left of its field, a tick before the print to the right of its box."""
    text = str(textpage.get_text_range())
    places, rest = [], []
    for mark in marks:
        place = _place(textpage, lines, mark)
        if place < 0:
            rest.append(mark.line)
        else:
            places.append((place, f"{mark.value} ") if mark.ticks else (place + 1, f" {mark.value}"))
    for place, value in sorted(places, reverse=True):
        text = text[:place] + value + text[place:]
    return "\n".join([text, *rest])


def _place(textpage: pypdfium2.PdfTextPage, lines: list[Box], mark: Mark) -> int:
    """Where in the text the character of the label stands that is next to the mark; -1 without one."""
    left, bottom, right, top = mark.box
    level = [line for line in lines if bottom <= (line[1] + line[3]) / 2 <= top]
    if mark.ticks:
        label = min((line for line in level if right - 2 <= line[0] <= right + _NEAR), default=None)
    else:
        label = max((line for line in level if left - _NEAR <= line[2] <= left + 2), key=itemgetter(2), default=None)
    if label is None:
        return -1
    at, middle = label[0] + 1 if mark.ticks else label[2] - 1, (label[1] + label[3]) / 2
    found = raw.FPDFText_GetCharIndexAtPos(textpage.raw, at, middle, 4, label[3] - label[1])
    return int(raw.FPDFText_GetTextIndexFromCharIndex(textpage.raw, found)) if found >= 0 else -1


def _lines(textpage: pypdfium2.PdfTextPage) -> list[Box]:
    """The boxes (left, bottom, right, top) of the lines in each column, in the order in which they are drawn."""
    lines: list[Box] = []
    for number in range(textpage.count_rects()):
        box = textpage.get_rect(number)
        if lines and _beside(lines[-1], box) and box[0] - lines[-1][2] < _GAP * (box[3] - box[1]):
            before = lines[-1]
            lines[-1] = (before[0], min(before[1], box[1]), max(before[2], box[2]), max(before[3], box[3]))
        else:
            lines.append(box)
    return lines


def _beside(before: Box, box: Box) -> bool:
    """Whether a box stands in the same line, to the right."""
    return box[0] >= before[0] and min(before[3], box[3]) - max(before[1], box[1]) > (box[3] - box[1]) / 2


def _is_interleaved(lines: list[Box]) -> bool:
    across = {number for number, (before, box) in enumerate(pairwise(lines)) if _beside(before, box)}
    if len(across) < _LINES:
        return False
    columns = split([(box, box) for number, box in enumerate(lines) if number in across or number - 1 in across], 0)
    wide = (
        median(b[2] - b[0] for b, _ in column) > _COLUMN * median(b[3] - b[1] for b, _ in column) for column in columns
    )
    return len(columns) > 1 and all(wide)
