"""Markdown: the source text, without comments and embedded pictures, divided at its headings and tables."""

import re
from collections.abc import Iterator
from typing import IO

from nightshift.knowledge.extract.blocks import Block, Extracted, heading
from nightshift.knowledge.text import clean, decode_noting, without_data

# CommonMark 4.2 to 4.5. Four spaces of indentation make code, so no pattern allows more than three.
# Titles are parsed by hand: a pattern for title and closing #s is quadratic in a run of blanks.
_ATX = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_NO_PARAGRAPH = re.compile(
    r"[ \t]*$| {4}|\t| {0,3}(?:[-*+>]|\d{1,9}[.)])(?:[ \t]|$)| {0,3}(?:[-*_=][ \t]*){3,}$| {0,3}[<>|]"
)
# What a page made of it does not show: comments, also as a link that nothing refers to, the reading of ruby, and
# `&shy;`. Code is matched first, and kept.
_CODE = (
    r"(?P<code>^ {0,3}(?P<fence>`{3,}|~{3,})[^\n]*(?:\n.*?)??(?:^ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)|(?<!`)`++[^`\n]++`++)"
    r"|^\[//\]:[^\n]*$|\{/\*[^*]*\*/\}|<(?P<ruby>rt|rp)>[^<]*</(?P=ruby)>|</?ruby>|&shy;"
    r"|^\[[^\]\n]+\]: *+<? *+>?$|!\[\](?:\[[^\]\n]*\]|\( *\))"  # an embedded picture, without its data
)
_UNSEEN = re.compile(_CODE, re.DOTALL | re.MULTILINE)
_UNSEEN_OR_COMMENT = re.compile(_CODE + "|<!--.*?-->", re.DOTALL | re.MULTILINE)
_AFTER = 100  # characters after a comment's end that belong to it, such as the end of the code it stands in
_IDENTIFIER = re.compile(r"\{:?\s*[#.][^{}]*\}$")
_MARKUP = re.compile(r"(?<!!)\[(?P<link>[^\[\]]*)\]\([^()]*\)|\\(?P<escaped>[!-/:-@[-`{-~])|\*\*")
_IN_HTML = re.compile(r" {0,3}<h([1-6])\b[^<>]*>(.*?)</h\1>\s*$", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^<>]*>")
_NAME = re.compile(r"title\s*[:=]\s*(['\"]?)(?P<title>.+)\1\s*$")
_COLUMNS = re.compile(
    r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*|[ \t]*\|[ \t]*:?-+:?[ \t]*\|[ \t]*"
)


def read(file: IO[bytes]) -> Extracted:
    """One block for each section, beginning with its heading line; `headings` contains that heading and those above it."""
    text, notes = decode_noting(file.read())
    return Extracted(sections(visible(clean(without_data(text)))), notes)


def visible(text: str) -> str:
    """The text without what nobody sees. After the last end of a comment none begins: else the time would be quadratic."""
    end = text.rfind("-->") + _AFTER if "-->" in text else 0
    return _UNSEEN_OR_COMMENT.sub(_code, text[:end]) + _UNSEEN.sub(_code, text[end:])


def _code(found: re.Match[str]) -> str:
    return found["code"] or ""


def sections(text: str) -> Iterator[Block]:
    """The sections of a Markdown text, without the blank lines around each."""
    lines = text.split("\n")
    begin, front, headings = 0, _front_matter(lines), list(_headings(lines))
    named = next((name["title"] for line in lines[:front] if (name := _NAME.match(line))), "")
    path = [(0, named.strip())] if named and all(level > 1 for _, level, _ in headings) else []  # else it says the same
    for line, level, title in headings:
        if begin or any(map(str.strip, lines[front:line])):  # else front matter is a part of the first section
            yield from _blocks(lines[begin:line], path)
            begin = line
        path = [*(above for above in path if above[0] < level), (level, title)]
    yield from _blocks(lines[begin:], path)


def _blocks(lines: list[str], path: list[tuple[int, str]]) -> Iterator[Block]:
    """A section; its tables are blocks of their own, which begin with the two lines of their column names."""
    headings = tuple(heading(title) for _, title in path if title)
    begin = 0
    for first in (number for number in range(len(lines) - 1) if _begins_table(lines[number], lines[number + 1])):
        if first < begin:
            continue
        end = next((number for number in range(first, len(lines)) if "|" not in lines[number]), len(lines))
        yield Block("\n".join(lines[begin:first]).strip("\n"), headings=headings)
        yield Block("\n".join(lines[first:end]), headings=headings, columns="\n".join(lines[first : first + 2]))
        begin = end
    yield Block("\n".join(lines[begin:]).strip("\n"), headings=headings)


def _begins_table(line: str, following: str) -> bool:
    return "|" in line and _COLUMNS.fullmatch(following) is not None


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
        elif html := _IN_HTML.match(line):
            yield number, int(html[1]), _ANY_TAG.sub("", html[2]).strip()
        elif (under := _SETEXT.match(line)) and number and _can_be_title(lines[number - 1]):
            yield number - 1, 1 if under[1][0] == "=" else 2, _shown(lines[number - 1].strip())


def _title(rest: str) -> str:
    """The title without closing #s, which must follow a blank, and as a page shows it."""
    rest = rest.strip()
    bare = rest.rstrip("#")
    return _shown(bare.rstrip() if not bare or bare[-1].isspace() else rest)


def _shown(title: str) -> str:
    """Without the marks of bold words, links, identifiers such as {#returns}, and escapes."""
    title = _IDENTIFIER.sub("", title)
    return _MARKUP.sub(lambda found: found["link"] or found["escaped"] or "", title).strip()


def _can_be_title(line: str) -> bool:
    """Whether a line of = or - below makes this line a heading: it must be the last line of a paragraph."""
    return not (_NO_PARAGRAPH.match(line) or _ATX.match(line) or _FENCE.match(line))


def _front_matter(lines: list[str]) -> int:
    """The number of lines of a YAML or TOML block at the top: its closing --- would turn its last line into a heading."""
    mark = lines[0].rstrip()
    if mark not in ("---", "+++"):
        return 0
    return next((number + 1 for number, line in enumerate(lines[1:], 1) if line.rstrip() == mark), 0)
