"""Markdown: the unchanged source text, divided at its headings."""

import re
from collections.abc import Iterator
from pathlib import Path

from nightshift.knowledge.extract.blocks import MAX_HEADING, Block, Extracted
from nightshift.knowledge.text import clean, decode

# CommonMark 4.2 to 4.5. Four spaces of indentation make code, so no pattern allows more than three.
# Titles are parsed by hand: a pattern for title and closing #s is quadratic in a run of blanks.
_ATX = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_NO_PARAGRAPH = re.compile(
    r"[ \t]*$| {4}|\t| {0,3}(?:[-*+>]|\d{1,9}[.)])(?:[ \t]|$)| {0,3}(?:[-*_=][ \t]*){3,}$| {0,3}[<>|]"
)


def read(path: Path) -> Extracted:
    """One block for each section, beginning with its heading line; `headings` contains that heading and those above it."""
    return Extracted(list(sections(clean(decode(path.read_bytes())))))


def sections(text: str) -> Iterator[Block]:
    """The sections of a Markdown text, without the blank lines around each."""
    lines = text.split("\n")
    path: list[tuple[int, str]] = []
    begin = 0
    for line, level, title in _headings(lines):
        yield _block(lines[begin:line], path)
        path = [*(above for above in path if above[0] < level), (level, title)]
        begin = line
    yield _block(lines[begin:], path)


def _block(lines: list[str], path: list[tuple[int, str]]) -> Block:
    return Block("\n".join(lines).strip("\n"), headings=tuple(title[:MAX_HEADING] for _, title in path if title))


def _headings(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    """Line number, level and title of each heading outside code fences and front matter."""
    fence = ""
    for number, line in enumerate(lines[_front_matter(lines) :], _front_matter(lines)):
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) and not line[mark.end() :].strip() else fence
        elif mark:
            fence = mark[1]
        elif atx := _ATX.match(line):
            yield number, len(atx[1]), _title(line[atx.end() :])
        elif (under := _SETEXT.match(line)) and number and _can_be_title(lines[number - 1]):
            yield number - 1, 1 if under[1][0] == "=" else 2, lines[number - 1].strip()


def _title(rest: str) -> str:
    """The title without closing #s, which must follow a blank."""
    rest = rest.strip()
    bare = rest.rstrip("#")
    return bare.rstrip() if not bare or bare[-1].isspace() else rest


def _can_be_title(line: str) -> bool:
    """Whether a line of = or - below makes this line a heading: it must be the last line of a paragraph."""
    return not (_NO_PARAGRAPH.match(line) or _ATX.match(line) or _FENCE.match(line))


def _front_matter(lines: list[str]) -> int:
    """The number of lines of a YAML block at the top: its closing --- would turn its last line into a heading."""
    if lines[0].rstrip() != "---":
        return 0
    return next((number + 1 for number, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), 0)
