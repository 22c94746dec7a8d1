"""Joins the text of a page's nodes into paragraphs, headings and rows."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from nightshift.knowledge.extract.blocks import Paragraph
from nightshift.knowledge.extract.web.disclosures import Disclosures
from nightshift.knowledge.extract.web.numbers import Numbers, numbers_of
from nightshift.knowledge.extract.web.roles import MAX_TITLE, is_title, level_of, words
from nightshift.knowledge.extract.web.table import Table
from nightshift.knowledge.text import raised

_PARAGRAPHS = frozenset(
    "address article aside blockquote body caption center details dialog dir div dl fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup hr legend main menu nav ol p pre search section select summary table "
    "textarea ul".split()
)
_LINES = frozenset("br button dd dt li option".split())
_BOLD = frozenset("b strong".split())
_FORMULA = {"mfrac": "/", "msup": "^", "msub": "_", "mroot": "√", "msubsup": "_^"}  # before the later children
_NO_VALUE = frozenset("button color file hidden image password reset submit".split())
_SPACE = re.compile(r"\s+")
_LINE_ENDS = re.compile(r"(?<! ) *\n[ \n]*")
_QUESTION = re.compile(r"[^\n]{2,198}[?？؟]\s*")


class Page:
    """Joins the text of nodes into paragraphs. A table's row stays on one line."""

    def __init__(self, disclosures: Disclosures) -> None:
        self._disclosures = disclosures
        self._titles: set[int] = set()
        self._title = 0  # the heading that is open: a paragraph in it does not end it
        self._levels: list[float] = [0]  # of the last heading, for each open panel
        self._text: list[str] = []
        self._bold = 0
        self._all_bold = True
        self._in_row = False
        self._table = Table()
        self._lists: list[Numbers | None] = []  # the open ones, None for those without numbers
        self._number = ""  # of the item that begins, before its first word
        self._signs: dict[int, str] = {}  # of formulas, before the elements with these numbers
        self._raised = 0  # open superscripts
        self._in_pre = False

    def write(self, text: str) -> None:
        text = raised(text) if self._raised else text
        if self._number and text.strip():
            text, self._number = self._number + text.lstrip(), ""
        self._text.append(text if self._in_pre else _SPACE.sub(" ", text))
        self._all_bold = self._all_bold and (self._bold > 0 or text.isspace())

    def enter(self, node: LexborNode) -> Iterator[Paragraph]:
        tag, is_heading = node.tag, level_of(node) is not None
        yield from self._enter_panel(node)
        if is_heading or tag == "table":  # inside a row: the outer table is layout
            self._text[:0] = [line + "\n" for line in self._table.lines()]
            self._in_row, self._table = False, Table()
        titled = not self._title and (is_heading or node.mem_id in self._titles)
        if tag == "tr" and (cells := self._cells(node)):
            self._in_row = True
            self._table.begin_row(cells)
        elif tag in _PARAGRAPHS or tag == "tr" or is_heading or node.mem_id in self._titles:
            yield from self.end()
        elif tag in _LINES:
            self._break()
        elif tag == "a" and self._text[-1:] == [""]:  # right after another link: a menu, whose gaps come from CSS
            self._text.append(" ")
        elif tag == "input":
            self.write(_value(node))
        if titled and len(words(node)) <= MAX_TITLE:
            self._title = node.mem_id
        self._bold += tag in _BOLD
        self._in_pre = self._in_pre or (tag == "pre" and not self._in_row)
        self._enter_count(node)

    def _enter_count(self, node: LexborNode) -> None:
        """Notes what stands in front of the words to come: the number of an item, the sign of a formula."""
        tag = node.tag
        if tag in ("ol", "ul"):
            self._lists.append(numbers_of(node))
        elif tag == "li" and self._lists and (numbers := self._lists[-1]):
            self._number = numbers.label(node)
        elif tag in _FORMULA:
            self._signs |= zip((child.mem_id for child in list(node.iter())[1:]), _FORMULA[tag], strict=False)
        elif tag == "msqrt":
            self.write("√")
        if sign := self._signs.pop(node.mem_id, ""):
            self.write(sign)
        self._raised += tag == "sup"

    def _cells(self, row: LexborNode) -> list[str]:
        """The tags of the row's cells; none for a single cell, which is layout, unless it is a title inside a table."""
        cells = [cell.tag for cell in row.iter() if cell.tag in ("td", "th")]
        return cells if len(cells) > 1 or (self._table and 0 < len(words(row)) <= MAX_TITLE) else []

    def leave(self, node: LexborNode) -> Iterator[Paragraph]:
        tag, level = node.tag, level_of(node)
        if node.mem_id == self._title:
            self._title = 0
        if level is not None:
            self._levels[-1] = level
            yield from self.end(level)
        elif node.mem_id in self._titles:
            yield from self.end(self._levels[-1] + (0 if tag == "summary" else 0.1))  # a summary is inside its panel
        elif tag in _PARAGRAPHS or (tag == "tr" and not self._in_row):
            yield from self.end()
        elif tag == "tr":
            self._in_row = False
        elif tag in ("td", "th"):
            self._leave_cell(node)
        elif tag in _LINES:
            self._break()
        elif tag == "a":
            self._text.append("")
        self._bold -= tag in _BOLD
        self._raised -= tag == "sup"
        self._in_pre = self._in_pre and tag != "pre"
        if tag in ("ol", "ul"):
            self._lists[-1:] = []
        if tag == "li":
            self._number = ""
        if node.mem_id in self._disclosures.panels or tag == "details":
            self._levels[1:] = self._levels[1:-1]

    def _leave_cell(self, cell: LexborNode) -> None:
        if not self._in_row:
            self._text.append(" ")
            return
        self._table.add("".join(self._text), cell)
        self._text = []

    def _enter_panel(self, node: LexborNode) -> Iterator[Paragraph]:
        """Notes what is a title; begins a panel with the words of its control, where that stands elsewhere."""
        number = node.mem_id
        summary = node.tag == "summary" and node.css_first("h1, h2, h3, h4, h5, h6") is None
        if summary or number in self._disclosures.titles or is_title(node) or (node.tag == "dt" and _is_question(node)):
            self._titles.add(number)
        if number in self._disclosures.panels or node.tag == "details":
            yield from self.end()
            if label := self._disclosures.labels.get(number):
                yield Paragraph(label, self._levels[-1] + 0.1)
            self._levels.append(self._levels[-1] + 0.1)

    def _break(self) -> None:
        self._text.append(" " if self._in_row or self._title else "\n")

    def end(self, level: float | None = None) -> Iterator[Paragraph]:
        if self._in_row or self._title:
            self._text.append(" ")
            return
        if self._table:
            yield self._table.paragraph()
            self._table = Table()
        text = "".join(self._text)
        text = text if self._in_pre else _LINE_ENDS.sub("\n", re.sub(" +", " ", text + "\n")).lstrip("\n")
        if level is None and self._all_bold and _QUESTION.fullmatch(text.strip()):
            level = self._levels[-1] + 0.1
        yield Paragraph(text, level)
        self._text, self._all_bold = [], True


def _is_question(node: LexborNode) -> bool:
    return _QUESTION.fullmatch(words(node)) is not None


def _value(box: LexborNode) -> str:
    """What a form's field shows."""
    attributes = box.attributes
    kind = attributes.get("type") or "text"
    if kind in ("checkbox", "radio"):
        mark = "x" if "checked" in attributes else " "
        return f" [{mark}] " if kind == "checkbox" else f" ({mark}) "
    return "" if kind in _NO_VALUE else f" {attributes.get('value') or ''} "
