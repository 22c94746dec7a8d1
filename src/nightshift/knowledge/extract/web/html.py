"""HTML files: all visible words, and those that a click shows. Runs in a child process, see `child`."""

from collections.abc import Iterator, Mapping
from typing import IO

from selectolax.lexbor import LexborNode

from nightshift.knowledge.extract.blocks import Extracted, Paragraph, sections
from nightshift.knowledge.extract.web.disclosures import Disclosures
from nightshift.knowledge.extract.web.dom import is_icon, parse, walk
from nightshift.knowledge.extract.web.page import Page
from nightshift.knowledge.text import decode_noting

_INVISIBLE = frozenset(
    "-comment annotation audio canvas datalist head iframe noembed noframes noscript object rp rt rtc script style "
    "template title video".split()
)


def read(file: IO[bytes]) -> Extracted:
    """One block for each heading."""
    text, notes = decode_noting(file.read())
    return Extracted(sections(paragraphs(text)), notes)


def paragraphs(html: str, anchors: Mapping[str, Paragraph] | None = None) -> Iterator[Paragraph]:
    """The paragraphs and headings in order; a table is a paragraph with a line for each row.

    `anchors`: headings from elsewhere, such as a table of contents, by the id of the element they stand before.
    """
    body = parse(html)
    yield from shown(body, Disclosures(body), anchors or {}) if body else ()


def shown(
    root: LexborNode, disclosures: Disclosures, anchors: Mapping[str, Paragraph], dropped: frozenset[int] = frozenset()
) -> Iterator[Paragraph]:
    """The paragraphs of one element, without the elements in `dropped` (by `mem_id`)."""
    page = Page(disclosures)
    for node, entering in walk(root, _Unseen(disclosures, dropped)):
        if node.is_text_node:
            page.write(node.text_content or "")
        elif not entering:
            yield from page.leave(node)
        else:
            name = anchors and (node.attributes.get("id") or node.attributes.get("name"))
            if name and (title := anchors.get(name)):
                yield from page.end()
                yield title
            yield from page.enter(node)
    yield from page.end()


class _Unseen:
    """Says which nodes are left out."""

    def __init__(self, disclosures: Disclosures, dropped: frozenset[int]) -> None:
        self._disclosures = disclosures
        self._dropped = dropped | disclosures.moved
        self._chosen: set[int] = set()  # lists of which one option is selected in the file: that one is seen

    def __call__(self, node: LexborNode) -> bool:
        if node.is_text_node:
            return False
        if node.tag == "select" and node.css_first("option[selected]"):
            self._chosen.add(node.mem_id)
        gone = node.tag in _INVISIBLE or node.mem_id in self._dropped or self._is_not_chosen(node)
        return gone or is_icon(node) or self._disclosures.is_hidden(node)

    def _is_not_chosen(self, node: LexborNode) -> bool:
        listed = node.tag == "option" and node.parent is not None and node.parent.mem_id in self._chosen
        return listed and "selected" not in node.attributes
