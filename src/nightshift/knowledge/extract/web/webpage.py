"""Web pages from an address: the main text. Runs in a child process, see `child`."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import IO

import trafilatura
from selectolax.lexbor import LexborNode

from nightshift.errors import PermanentError
from nightshift.knowledge.extract.blocks import Block, Extracted, Paragraph, sections
from nightshift.knowledge.extract.web import html
from nightshift.knowledge.extract.web.disclosures import Disclosures
from nightshift.knowledge.extract.web.dom import ancestors, parse, walk
from nightshift.knowledge.extract.web.roles import words
from nightshift.knowledge.text import decode_noting

SHARE = 0.8  # of the main text: the element that holds so much holds all of it
LINKS = 0.4  # of an element's characters: with more it is a menu or a list of other pages
ENOUGH = 100  # shingles: by less, one answer of a short page could be taken for all of it
_SHINGLE = 4  # words: enough to recognize a sentence by
_MAX_NOTICE = 400  # characters: what a page says that waits for its script, or for consent, is short

_SCRIPTED = (
    "This page shows no text without JavaScript, or before a click on its cookie notice. Use the address of a page that does, "
    "or upload its text."
)
_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"[^.!?…。\n]+[.!?…。]*")
_FEW_WORDS = 8  # beside the notice: the name of the page, a button
_ROWS = frozenset("thead tbody tfoot tr".split())  # nothing without their table: the names of its columns
_FRAME = frozenset("aside footer nav".split())
# In classes and ids of what stands around and inside a text on the web and is not it.
_ASIDE = re.compile(
    r"advert|\bad-|\bads\b|breadcrumb|comment|cookie|consent|disqus|gdpr|newsletter|onetrust|pagination|pager|promo|"
    r"recommend|related-?(?:art|post|stor|link|topic|content)|share|sharing|sidebar|social|sponsor|subscribe|toolbar|widget",
    re.IGNORECASE,
)
_ENABLE = r"(?:enabl|activ|aktiv|habilit|abilit|turn|requir|need|without|disabl|deaktiv|désactiv)\w*"
_WAITING = re.compile(
    rf"{_ENABLE}\W+(?:\w+\W+){{0,3}}java ?script|java ?script\W+(?:\w+\W+){{0,3}}{_ENABLE}"
    r"|\b(?:loading|chargement|cargando|caricamento|carregando|laddar|загрузка|ładowanie|načítá\w*|geladen)\s*(?:\.{3}|…|$)"
    r"|^\W*(?:loading\W+(?:\w+\W+)?(?:app\w*|page|content|data|site)|redirect\w*|weiterleit\w*|redirection)\W*$"
    r"|読み込み中|加载中|載入中|로딩|please wait|bitte warten|just a moment|checking your browser|verify(?:ing)? (?:that )?you"
    r"|(?:use|accept|consent|verwend|nutz|utilis|usa|utiliz)\w*\W+(?:\w+\W+){0,4}cookies?"
    r"|cookie[ -](?:policy|consent|settings|banner)",
    re.IGNORECASE | re.MULTILINE,
)
_MOUNT = re.compile(
    r"<div[^<>]*\bid=[\"']?(?:root|app|__next|__nuxt|___gatsby|q-app|app-root)\b[^<>]*>\s*</div>", re.IGNORECASE
)


def read(file: IO[bytes]) -> Extracted:
    """One block for each heading; all visible text where no main text is found. Raises PermanentError for only scripts."""
    page, notes = decode_noting(file.read())
    body = parse(page)
    blocks = [block for block in sections(_main(body, page)) if block.text] if body else []
    if "<script" in page.lower() and _is_waiting(blocks, page):  # noscript only asks for JavaScript
        raise PermanentError(_SCRIPTED)
    return Extracted(blocks, notes)


def _is_waiting(blocks: list[Block], page: str) -> bool:
    """Whether the text is only what a page shows until its script has run, or until cookies are accepted."""
    text = "\n".join(block.text for block in blocks)
    said = " ".join(part for part in _SENTENCE.findall(text) if not _WAITING.search(part))
    waiting = len(_WORD.findall(said)) < _FEW_WORDS and _WAITING.search(text)
    return not text or (len(text) <= _MAX_NOTICE and bool(waiting or _MOUNT.search(page)))


def _main(body: LexborNode, page: str) -> Iterator[Paragraph]:
    """The paragraphs of the element that holds what trafilatura finds, in their own form: it drops buttons and boxes."""
    found = trafilatura.extract(page, include_comments=False, include_tables=True, fast=True) or ""
    weights = _Weights(body, set(_shingles(found)))
    total = weights.known[body.mem_id]
    root = _smallest(body, weights) if total >= ENOUGH else body
    title = body.css_first("h1")
    if root.css_first("h1") is None and title is not None and title.parent is not None:
        yield Paragraph(words(title), 1)
    dropped = frozenset(_beside(root, weights)) if total else frozenset[int]()
    yield from html.shown(root, Disclosures(body), {}, dropped)


def _shingles(text: str) -> list[tuple[str, ...]]:
    found = _WORD.findall(text)
    return [tuple(found[at : at + _SHINGLE]) for at in range(len(found) - _SHINGLE + 1)]


class _Weights:
    """For each element (by `mem_id`): how much of the main text it contains, its characters, and those of its links."""

    def __init__(self, body: LexborNode, known: set[tuple[str, ...]]) -> None:
        self.known: Counter[int] = Counter()
        self.size: Counter[int] = Counter()
        self.linked: Counter[int] = Counter()
        path: list[int] = []
        for node, entering in walk(body, lambda node: node.tag in ("script", "style", "noscript")):
            if node.is_text_node:
                text = node.text_content or ""
                self.known[path[-1]] += sum(shingle in known for shingle in _shingles(text))
                self.size[path[-1]] += len(text.strip())
            elif entering:
                path.append(node.mem_id)
            else:
                ended = path.pop()
                if node.tag == "a":
                    self.linked[ended] = self.size[ended]
                for counter in (self.known, self.size, self.linked) if path else ():
                    counter[path[-1]] += counter[ended]


def _smallest(body: LexborNode, weights: _Weights) -> LexborNode:
    """The smallest element that holds the main text."""
    root = body
    enough = SHARE * weights.known[body.mem_id]
    while heavy := next((child for child in root.iter() if weights.known[child.mem_id] >= enough), None):
        root = heavy
    return next((each for each in (root, *ancestors(root, 3)) if each.tag not in _ROWS), root)


def _beside(root: LexborNode, weights: _Weights) -> Iterator[int]:
    """The elements that hold nothing of the main text, and by their names or links are not part of it."""
    for node, entering in walk(root, lambda _: False):
        number = node.mem_id
        if entering and node.is_element_node and not weights.known[number] and number != root.mem_id:
            attributes = node.attributes
            named = _ASIDE.search(f"{attributes.get('class')} {attributes.get('id')}")
            links = weights.linked[number] > LINKS * weights.size[number] and node.tag != "a"
            if named or links or (node.tag in _FRAME and not _is_tip(node)):
                yield number


def _is_tip(node: LexborNode) -> bool:
    """Whether an aside is a note of the text, rather than a list of links."""
    return node.tag == "aside" and node.css_first("a") is None
