import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.knowledge.chunk import Chunk, chunk
from nightshift.knowledge.extract.blocks import Block

WORDS = st.lists(
    st.sampled_from(["word", "x" * 700, "x" * 3000, "End.", "\n", "\n\n", " ", "終。", "😀" * 900]), max_size=25
)
TEXTS = st.text(st.characters(exclude_categories=("Cs",))) | WORDS.map(" ".join) | WORDS.map("".join)
BLOCKS = st.lists(st.builds(Block, TEXTS, st.integers(1, 3) | st.none(), st.sampled_from([(), ("A",), ("A", "B")])))


def sized(*lengths: int) -> list[Block]:
    """Pages of so many characters."""
    return [
        Block(("word " * length)[:length].strip().ljust(length, "."), page) for page, length in enumerate(lengths, 1)
    ]


@settings(max_examples=300)
@given(BLOCKS)
def test_chunks_are_exact_slices_that_hold_every_visible_character_once(blocks: list[Block]) -> None:
    text = "\n\n".join(block.text for block in blocks)
    chunks = chunk(blocks)
    assert [c.idx for c in chunks] == list(range(len(chunks)))
    position = 0
    for c in chunks:
        assert text[c.start : c.end] == c.content == c.content.strip() != ""
        assert len(c.content) <= 1600
        assert len(c.content.encode()) <= 8000
        assert not text[position : c.start].strip()
        position = c.end
    assert not text[position:].strip()


@given(BLOCKS)
def test_a_chunk_has_the_page_and_headings_of_its_first_character(blocks: list[Block]) -> None:
    owners = [block for block in blocks for _ in block.text + "\n\n"]
    for c in chunk(blocks):
        assert (c.page, c.headings) == (owners[c.start].page, owners[c.start].headings)


def pages(chunks: list[Chunk]) -> list[tuple[int | None, int]]:
    return [(c.page, len(c.content)) for c in chunks]


def test_a_new_page_begins_a_new_chunk_once_there_are_400_characters() -> None:
    assert pages(chunk(sized(400, 500))) == [(1, 400), (2, 500)]
    assert pages(chunk(sized(399, 500))) == [(1, 901)]


def test_small_pages_are_packed_together() -> None:
    assert pages(chunk(sized(150, 150, 150, 150))) == [(1, 454), (4, 150)]


def test_a_new_heading_begins_a_new_chunk_and_a_mere_paragraph_does_not() -> None:
    text = "word " * 99 + "word."
    there = [Block(text, headings=("A",)), Block(text, headings=("A",)), Block(text, headings=("A", "B"))]
    assert [(c.headings, len(c.content)) for c in chunk(there)] == [(("A",), 1002), (("A", "B"), 500)]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("w. " * 300 + "END\n\n" + "w. w\nw " * 300, "END"),
        ("w. " * 300 + "END\n \t\n" + "w. w\nw " * 300, "END"),
        ("w " * 400 + "END.\n" + "w\nw " * 400, "END."),
        ("字" * 1000 + "。" + "字" * 1000, "。"),
        ("w " * 400 + "END\n" + "w " * 400, "END"),
        ("w " * 700 + "END " + "x" * 900, "END"),
        ("x" * 1599 + "END", "E"),
    ],
    ids=[
        "paragraph",
        "paragraph after a line of spaces",
        "sentence",
        "sentence without spaces",
        "line",
        "word",
        "hard",
    ],
)
def test_a_chunk_ends_at_the_best_place(text: str, ends: str) -> None:
    assert chunk([Block(text)])[0].content.endswith(ends)


def test_no_text_no_chunks() -> None:
    assert chunk([]) == chunk([Block("")]) == chunk([Block(" \n"), Block("\t")]) == []


@pytest.mark.parametrize("unit", ["x", ".", "a ", "\n ", ".'", "a" + "\n" * 500])
def test_five_megabytes_are_chunked_in_linear_time(unit: str) -> None:
    def cpu_seconds(size: int) -> float:
        text, begun = unit * (size // len(unit)), time.process_time()
        chunk([Block(text)])
        return time.process_time() - begun

    small = min(cpu_seconds(500_000) for _ in range(3))
    assert cpu_seconds(5_000_000) < 50 * small  # ten times as much; by the square it would be a hundred
