from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from extracted import extract

from nightshift.errors import PermanentError
from nightshift.knowledge.extract.blocks import Block

MakeEpub = Callable[..., Path]

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
ENCRYPTION = (
    '<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:EncryptedData><e:CipherData>'
    '<e:CipherReference URI="{}"/></e:CipherData></e:EncryptedData></encryption>'
)


def package(spine: list[str]) -> str:
    items = "".join(f'<item id="{name}" href="text/{name}.xhtml"/>' for name in sorted(spine))
    refs = "".join(f'<itemref idref="{name}"/>' for name in spine)
    book = '<package xmlns="http://www.idpf.org/2007/opf"><manifest>{}</manifest><spine>{}</spine></package>'
    return book.format(items, refs)


@pytest.fixture
def make_epub(make_zip: Callable[[Mapping[str, str | bytes]], Path]) -> MakeEpub:
    """A book with these chapters in the order of `spine`."""

    def make_epub(chapters: dict[str, str], spine: list[str], **more: str) -> Path:
        parts = {"mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER}
        parts |= {f"OEBPS/text/{name}.xhtml": content for name, content in chapters.items()}
        return make_zip(parts | {"OEBPS/book.opf": package(spine)} | more)

    return make_epub


def test_a_book_is_read_in_the_order_of_its_spine(make_epub: MakeEpub) -> None:
    chapters = {"a b": "<h1>Second</h1><p>two</p>", "z": "<h1>First</h1><h2>Part</h2><p>one</p>", "draft": "<p>no</p>"}
    assert extract("epub", make_epub(chapters, ["z", "a b"])).blocks == [
        Block("First", headings=("First",)),
        Block("Part\n\none", headings=("First", "Part")),
        Block("Second\n\ntwo", headings=("Second",)),
    ]


def test_a_self_closing_element_does_not_swallow_the_chapter(make_epub: MakeEpub) -> None:
    chapter = (
        '<?xml version="1.0"?><html><head><title/><script src="a.js"/></head><body><a id="x"/>caf&eacute;</body></html>'
    )
    assert extract("epub", make_epub({"a": chapter}, ["a"])).blocks == [Block("café")]


def test_a_missing_chapter_becomes_a_note(make_epub: MakeEpub) -> None:
    found = extract("epub", make_epub({"a": "<p>one</p>"}, ["a", "lost"]))
    assert found.blocks == [Block("one")]
    assert found.notes == ["1 of 2 chapters are missing in the file."]


def test_a_protected_book_is_refused_and_one_with_scrambled_fonts_is_read(make_epub: MakeEpub) -> None:
    def book(encrypted: str) -> Path:
        return make_epub({"a": "<p>one</p>"}, ["a"], **{"META-INF/encryption.xml": ENCRYPTION.format(encrypted)})

    assert extract("epub", book("OEBPS/font.otf")).blocks == [Block("one")]
    with pytest.raises(PermanentError, match="protected against copying"):
        extract("epub", book("OEBPS/text/a.xhtml"))


NCX = (
    '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>One</text></navLabel>'
    '<content src="text/a.xhtml"/><navPoint><navLabel><text>The Hill</text></navLabel><content src="text/a.xhtml#hill"/>'
    '</navPoint></navPoint><navPoint><navLabel><text>Two</text></navLabel><content src="text/b.xhtml"/></navPoint>'
    "</navMap></ncx>"
)
NAV = (
    '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body><nav epub:type="toc"><ol><li>'
    '<a href="text/a.xhtml">One</a><ol><li><a href="text/a.xhtml#hill">The Hill</a></li></ol></li><li>'
    '<a href="text/b.xhtml">Two</a></li></ol></nav></body></html>'
)


@pytest.mark.parametrize(
    ("item", "name", "contents"),
    [
        ('<item href="toc.ncx" media-type="application/x-dtbncx+xml"/>', "toc.ncx", NCX),
        ('<item href="nav.xhtml" properties="nav"/>', "nav.xhtml", NAV),
    ],
)
def test_titles_that_stand_only_in_the_table_of_contents_are_headings(
    make_epub: MakeEpub, item: str, name: str, contents: str
) -> None:
    chapters = {"a": "<p>dragon</p><p id='hill'>hill</p>", "b": "<h1>Two: The River</h1><p>river</p>"}
    book = package(["a", "b"]).replace("<manifest>", f"<manifest>{item}")
    found = extract(
        "epub", make_epub(chapters, ["a", "b"], **{f"OEBPS/{name}": contents, "OEBPS/book.opf": book})
    ).blocks
    assert [(block.headings, block.text) for block in found] == [
        (("One",), "One\n\ndragon"),
        (("One", "The Hill"), "The Hill\n\nhill"),
        (("Two: The River",), "Two: The River\n\nriver"),
    ]
