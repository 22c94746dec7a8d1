import time
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.knowledge import chunk as chunking
from nightshift.knowledge.chunk import Chunk, chunks
from nightshift.knowledge.extract.blocks import Block

WORDS = st.lists(
    st.sampled_from(["word", "x" * 700, "x" * 3000, "End.", "\n", "\n\n", " ", "終。", "😀" * 900]), max_size=25
)
TEXTS = st.text(st.characters(exclude_categories=("Cs",))) | WORDS.map(" ".join) | WORDS.map("".join)
BLOCKS = st.lists(st.builds(Block, TEXTS, st.integers(1, 3) | st.none(), st.sampled_from([(), ("A",), ("A", "B")])))


def chunk(blocks: list[Block]) -> list[Chunk]:
    return list(chunks(blocks))


def sized(*lengths: int) -> list[Block]:
    """Pages of so many characters."""
    return [
        Block(("word " * length)[:length].strip().ljust(length, "."), page) for page, length in enumerate(lengths, 1)
    ]


@settings(max_examples=300)
@given(BLOCKS)
def test_chunks_are_exact_slices_that_hold_every_visible_character_once(blocks: list[Block]) -> None:
    text = "\n\n".join(block.text for block in blocks)
    found = chunk(blocks)
    assert [c.idx for c in found] == list(range(len(found)))
    position = 0
    for c in found:
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


def table(*rows: str, names: str = "Code | Meaning") -> Block:
    return Block("\n".join([names, *rows]), headings=("Codes",), columns=names)


def test_every_passage_of_a_table_begins_with_its_column_names_and_no_row_is_cut() -> None:
    rows = [f"E{n:03} | The pump stops. It has failed {n} times. Call us." for n in range(120)]
    text = table(*rows).text
    found = chunk([table(*rows)])
    assert len(found) > 2
    assert [row for c in found for row in c.content.split("\n")[1:]] == rows
    for number, c in enumerate(found):
        assert c.content.startswith("Code | Meaning\n") and len(c.content) <= 1600
        assert text[c.start : c.end] == (c.content if number == 0 else c.content.removeprefix("Code | Meaning\n"))


def test_a_row_that_does_not_fit_is_cut_between_cells() -> None:
    cells = [f"cell {n}. with a stop" for n in range(200)]
    found = chunk([table(" | ".join(cells), "short | row")])
    parts = [part for c in found for part in c.content.removeprefix("Code | Meaning\n").split("\n")]
    assert [cell for part in parts for cell in part.split(" | ")] == [*cells, "short", "row"]
    assert all(c.content.startswith("Code | Meaning\n") for c in found)


def test_column_names_leave_room_for_rows() -> None:
    names = " | ".join(f"Column {n}" for n in range(300))
    found = chunk([table(*(f"{n} | x" for n in range(800)), names=names)])
    assert all(len(c.content) <= 1600 for c in found)
    later = found[-1].content.split("\n")[0]
    assert names.startswith(later + " | Column") and 700 < len(later) <= 800


def test_a_table_begins_a_new_passage_where_it_or_its_first_row_would_be_cut() -> None:
    prose, rows = Block("Word. " * 60, headings=("Codes",)), [f"{n} | {'x' * 1400}" for n in range(2)]
    assert [c.content.split("\n")[0] for c in chunk([prose, table(*rows)])][1:] == ["Code | Meaning"] * 2


def test_each_part_of_a_packed_passage_has_its_place() -> None:
    blocks = [Block(f"# Topic {n}\n\nAnswer {n}.", n, (f"Topic {n}",)) for n in range(1, 4)]
    text = "\n\n".join(block.text for block in blocks)
    [packed] = chunk(blocks)
    assert [(p.page, p.headings, text[p.start : p.end]) for p in packed.places] == [
        (block.page, block.headings, block.text) for block in blocks
    ]
    assert (packed.page, packed.headings) == (1, ("Topic 1",))
    assert chunk(blocks[:1])[0].places == (), "one part: it is the passage's own"


@pytest.mark.parametrize(
    "character", ["\U0001f469\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f468", "น้ำ", "ສີ່", "ស្ត្រី"]
)
def test_a_cut_never_falls_inside_a_character(character: str) -> None:
    for c in chunk([Block("a" + character * 2000)]):
        assert c.content.removeprefix("a").replace(character, "") == ""


def pages(found: list[Chunk]) -> list[tuple[int | None, int]]:
    return [(c.page, len(c.content)) for c in found]


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


@pytest.mark.slow
@settings(max_examples=300)
@given(BLOCKS, st.integers(1, 5000))
def test_a_text_in_segments_has_the_same_chunks(blocks: list[Block], segment: int) -> None:
    whole = chunk(blocks)
    with patch.object(chunking, "SEGMENT", segment):
        assert chunk(blocks) == whole


def test_chunks_come_before_the_text_is_whole() -> None:
    taken: list[int] = []
    blocks = (taken.append(page) or Block("Words. " * 400, page) for page in range(1, 1001))
    next(chunks(blocks))
    assert len(taken) < 100


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
