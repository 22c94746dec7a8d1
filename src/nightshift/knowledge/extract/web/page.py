"""Joins the text of a page's nodes into paragraphs, headings and rows."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from nightshift.knowledge.extract.blocks import Paragraph
from nightshift.knowledge.extract.web.disclosures import Disclosures
from nightshift.knowledge.extract.web.roles import HEADINGS, MAX_TITLE, is_title, words

_PARAGRAPHS = frozenset(
    "address article aside blockquote body caption center details dialog dir div dl fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup hr legend main menu nav ol p pre search section select summary table "
    "textarea ul".split()
)
_LINES = frozenset("br button dd dt li option".split())
_BOLD = frozenset("b strong".split())
_NO_VALUE = frozenset("button color file hidden image password reset submit".split())
_SPACE = re.compile(r"\s+")
_LINE_ENDS = re.compile(r"(?<![ |])[ |]*\n[ \n]*")  # with the separators after a row's last full cell
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
        self._names = ""  # the tags of the cells of the first row in the text: "td", "th", "tdth"
        self._in_pre = False

    def write(self, text: str) -> None:
        self._text.append(text if self._in_pre else _SPACE.sub(" ", text))
        self._all_bold = self._all_bold and (self._bold > 0 or text.isspace())

    def enter(self, node: LexborNode) -> Iterator[Paragraph]:
        tag = node.tag
        yield from self._enter_panel(node)
        if tag in HEADINGS or tag == "table":  # inside a row: the outer table is layout
            self._in_row, self._names = False, ""
        titled = not self._title and (tag in HEADINGS or node.mem_id in self._titles)
        if tag == "tr" and len(cells := [cell.tag for cell in node.iter() if cell.tag in ("td", "th")]) > 1:
            self._in_row = True
            self._names = self._names or "".join(sorted(set(cells)))
        elif tag in _PARAGRAPHS or tag == "tr" or node.mem_id in self._titles:
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

    def leave(self, node: LexborNode) -> Iterator[Paragraph]:
        tag = node.tag
        if node.mem_id == self._title:
            self._title = 0
        if tag in HEADINGS:
            self._levels[-1] = HEADINGS[tag]
            yield from self.end(self._levels[-1])
        elif node.mem_id in self._titles:
            yield from self.end(self._levels[-1] + (0 if tag == "summary" else 0.1))  # a summary is inside its panel
        elif tag in _PARAGRAPHS or (tag == "tr" and not self._in_row):
            yield from self.end()
        elif tag == "tr":
            self._in_row = False
            self._break()
        elif tag in ("td", "th"):
            self._text.append(" | " if self._in_row else " ")
        elif tag in _LINES:
            self._break()
        elif tag == "a":
            self._text.append("")
        self._bold -= tag in _BOLD
        self._in_pre = self._in_pre and tag != "pre"
        if node.mem_id in self._disclosures.panels or tag == "details":
            self._levels[1:] = self._levels[1:-1]

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
        text = "".join(self._text)
        text = text if self._in_pre else _LINE_ENDS.sub("\n", re.sub(" +", " ", text + "\n")).lstrip("\n")
        if level is None and self._all_bold and _QUESTION.fullmatch(text.strip()):
            level = self._levels[-1] + 0.1
        yield Paragraph(text, level, self._columns(text) if level is None else None)
        self._text, self._all_bold, self._names = [], True, ""

    def _columns(self, text: str) -> str | None:
        """The first row of a table that has more, where its cells are of one kind; None for anything but a table."""
        names, _, rows = text.strip().partition("\n")
        return None if not self._names else names if rows and self._names != "tdth" else ""


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
