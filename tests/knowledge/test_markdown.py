import time
from pathlib import Path

import pytest
from extracted import extract
from hypothesis import given
from hypothesis import strategies as st

from nightshift.errors import PermanentError
from nightshift.knowledge.extract.markdown import sections, visible
from nightshift.knowledge.text import without_data


def paths(text: str) -> list[tuple[str, ...]]:
    return [block.headings for block in sections(text) if block.text]


def test_each_section_knows_the_headings_above_it() -> None:
    text = "intro\n\n# Shop\n\nhi\n\n## Refunds ##\n\n30 days\n\n#### Cards\n\nvisa\n\n## Hours\n\n# Legal\n\nend"
    assert [(block.headings, block.text) for block in sections(text)] == [
        ((), "intro"),
        (("Shop",), "# Shop\n\nhi"),
        (("Shop", "Refunds"), "## Refunds ##\n\n30 days"),
        (("Shop", "Refunds", "Cards"), "#### Cards\n\nvisa"),
        (("Shop", "Hours"), "## Hours"),
        (("Legal",), "# Legal\n\nend"),
    ]


def test_a_line_underlined_is_a_heading() -> None:
    assert paths("Shop\n====\n\nhi\n\nRefunds\n---\n30 days") == [("Shop",), ("Shop", "Refunds")]


@pytest.mark.parametrize(
    "text",
    [
        "```sh\n# a comment\n```",
        "````\n```\n# still code\n````",
        "~~~\n# a comment\nTitle\n===\n",
        "```\n# an unclosed fence runs to the end",
        "    # indented code",
        "#hashtag",
        "####### seven",
        "---\nlayout: front matter\n---\ntext",
        "text\n\n---\n\ntext",
        "- item\n---",
        "> quote\n---",
        "| a |\n---",
        "---",
        "===",
    ],
)
def test_a_line_that_only_looks_like_a_heading_is_not_one(text: str) -> None:
    assert set(paths(text)) == {()}


def test_a_fence_ends_where_it_is_closed() -> None:
    assert paths("```python\nx\n```\n# Title") == [(), ("Title",)]
    assert paths("``` not a `fence`\n# Title") == [(), ("Title",)]


@given(st.text("#=-`~ \nab>|"))
def test_only_blank_lines_around_sections_are_lost(text: str) -> None:
    together = "\n".join(block.text for block in sections(text))
    assert [line for line in together.split("\n") if line] == [line for line in text.split("\n") if line]


def test_a_markdown_file_is_read_and_cleaned(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes("\ufeff# Größe\r\n\r\nL\0 bis XL\r\n".encode())
    (block,) = extract("markdown", tmp_path / "a.md").blocks
    assert (block.text, block.headings) == ("# Größe\n\nL bis XL", ("Größe",))


def test_a_text_file_is_one_clean_block(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Größe\0: L".encode("utf-16"))
    assert [block.text for block in extract("text", tmp_path / "a.txt").blocks] == ["Größe: L"]


@pytest.mark.parametrize("kind", ["text", "markdown"])
def test_a_blank_file_contains_no_text(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").write_bytes(b" \n\0\n ")
    with pytest.raises(PermanentError, match="contains no text"):
        extract(kind, tmp_path / "a")


def test_what_a_page_made_of_it_does_not_show_is_left_out() -> None:
    text = (
        "# A\n\n<!-- internal\n# note -->\n[//]: # (ask Legal)\nSee ![wiring](data:image/png;base64,AAAA) and\n\n![][image1]\n"
        "<ruby>東京<rt>とうきょう</rt></ruby> Wert&shy;papier\n\n```html\n<!-- kept -->\n```\n`<!-- kept too -->`\n\n"
        "[image1]: <data:image/png;base64,AAAA>\n\nend <!-- not closed"
    )
    shown = visible(without_data(text))
    assert [words for words in ("internal", "Legal", "AAAA", "とう", "&shy;", "image1") if words in shown] == []
    assert all(
        words in shown for words in ("wiring", "東京", "Wertpapier", "<!-- kept -->", "kept too", "end <!-- not closed")
    )


@pytest.mark.parametrize("unclosed", ["<!--", "```x\n", "~~~x\n", "`", "<rt>", "![](", "[a]: <", "|a|\n|-|\n"])
def test_what_never_ends_takes_time_in_proportion(unclosed: str) -> None:
    begun = time.process_time()
    list(sections(visible(without_data(unclosed * 50_000))))
    assert time.process_time() - begun < 20  # 0.2 s


def test_front_matter_belongs_to_the_first_section() -> None:
    assert paths("---\ntitle: Rules\n---\n\n# Returns\n\nWithin 30 days.\n\n## Shoes\n") == [
        ("Returns",),
        ("Returns", "Shoes"),
    ]
    assert paths("---\ntitle: Rules\n---\nIntro\n\n# Returns") == [(), ("Returns",)]


def test_a_table_is_a_block_that_names_its_columns() -> None:
    found = [
        (block.text, block.columns) for block in sections("# A\n\n| a | b |\n|---|:-:|\n| 1 | 2 |\n\nend") if block.text
    ]
    assert found == [("# A", None), ("| a | b |\n|---|:-:|\n| 1 | 2 |", "| a | b |\n|---|:-:|"), ("end", None)]


def test_base64_in_a_text_is_left_out_and_long_words_are_not() -> None:
    piece = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    assert without_data(f"a {piece * 20} b") == "a  b"
    assert without_data("a\n" + f"{piece[:64]}\n" * 10 + "AA==\nb") == "a\n\nb"
    assert without_data("a" * 5000 + piece) == "a" * 5000 + piece


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("# **1\\. Returns** {#returns}\nx", ("1. Returns",)),
        ("Returns of [lamps](https://a.b) {: .x #y}\n---\nx", ("Returns of lamps",)),
        ("# __init__ of `a[0]` (new)\nx", ("__init__ of `a[0]` (new)",)),
        ("<h2 align='center'><b>Returns</b></h2>\n\nx", ("Returns",)),
        ("---\ntitle: 'Returns: how'\ntags: [a]\n---\n\n## Cost\n\nx", ("Returns: how", "Cost")),
        ('+++\ntitle = "Returns"\n+++\n\nx', ("Returns",)),
        ("---\ntitle: Returns policy\n---\n\n# Returns\n\nx", ("Returns",)),
    ],
)
def test_a_heading_is_what_a_page_shows_for_it(text: str, headings: tuple[str, ...]) -> None:
    assert list(sections(text))[-1].headings == headings
