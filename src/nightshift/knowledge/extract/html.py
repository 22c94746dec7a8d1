"""HTML files: all visible words. Runs in a child process, see `child`."""

import re
from collections.abc import Iterator
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

from nightshift.knowledge.extract.blocks import Extracted, Paragraph, sections
from nightshift.knowledge.text import decode

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_PARAGRAPHS = frozenset(
    "address article aside blockquote body caption center details dialog dir div dl fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup hr legend main menu nav ol p pre search section select summary table "
    "textarea ul".split()
)
_LINES = frozenset("br button dd dt li option".split())
_INVISIBLE = frozenset(
    "-comment annotation audio canvas datalist head iframe noembed noframes noscript object script style template "
    "title video".split()
)
_HIDDEN = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_LINE_ENDS = re.compile(r"(?<![ |])[ |]*\n[ \n]*")  # with the separators after a row's last full cell
# XHTML allows these to close themselves; in HTML they would contain all that follows.
_SELF_CLOSED = re.compile(r"<(title|script|style|textarea|iframe|noscript)\b([^<>]*)/>", re.IGNORECASE)


def read(path: Path) -> Extracted:
    """One block for each heading."""
    return Extracted(list(sections(paragraphs(decode(path.read_bytes())))))


def paragraphs(html: str) -> Iterator[Paragraph]:
    """The visible paragraphs and headings in order; a table is a paragraph with a line for each row."""
    body = LexborHTMLParser(_SELF_CLOSED.sub(r"<\1\2></\1>", html)).body
    page = _Page()
    for node, entering in _walk(body) if body else ():
        if node.is_text_node:
            page.write(node.text_content or "")
        else:
            yield from page.enter(node) if entering else page.leave(node)


def _walk(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Each visible node at its start (True), each element also at its end (False). Without recursion: nesting has no limit."""
    stack = [(root, True)]
    while stack:
        node, entering = stack.pop()
        if node.tag in _INVISIBLE or (entering and _hidden(node)):
            continue
        yield node, entering
        if entering and not node.is_text_node:
            stack.append((node, False))
            stack.extend((child, True) for child in reversed(list(node.iter(include_text=True))))


def _hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or ""))


class _Page:
    """Joins the text of nodes into paragraphs. A table's row stays on one line."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._in_row = False
        self._in_pre = False

    def write(self, text: str) -> None:
        self._text.append(text if self._in_pre else _SPACE.sub(" ", text))

    def enter(self, node: LexborNode) -> Iterator[Paragraph]:
        tag = node.tag
        if tag in _HEADINGS or tag == "table":  # inside a row: the outer table is layout
            self._in_row = False
        if tag == "tr" and sum(cell.tag in ("td", "th") for cell in node.iter()) > 1:
            self._in_row = True
        elif tag in _PARAGRAPHS or tag == "tr":
            yield from self._end()
        elif tag in _LINES:
            self._break()
        elif tag == "a" and self._text[-1:] == [""]:  # right after another link: a menu, whose gaps come from CSS
            self._text.append(" ")
        self._in_pre = self._in_pre or (tag == "pre" and not self._in_row)

    def leave(self, node: LexborNode) -> Iterator[Paragraph]:
        tag = node.tag
        if tag in _PARAGRAPHS or (tag == "tr" and not self._in_row):
            yield from self._end(_HEADINGS.get(tag))
        elif tag == "tr":
            self._in_row = False
            self._break()
        elif tag in ("td", "th"):
            self._text.append(" | " if self._in_row else " ")
        elif tag in _LINES:
            self._break()
        elif tag == "a":
            self._text.append("")
        self._in_pre = self._in_pre and tag != "pre"

    def _break(self) -> None:
        self._text.append(" " if self._in_row else "\n")

    def _end(self, level: int | None = None) -> Iterator[Paragraph]:
        if self._in_row:
            self._text.append(" ")
            return
        text = "".join(self._text)
        self._text = []
        yield Paragraph(text if self._in_pre else _LINE_ENDS.sub("\n", re.sub(" +", " ", text + "\n")), level)
