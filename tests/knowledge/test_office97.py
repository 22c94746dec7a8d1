"""Old Office files; the samples are test data of Apache POI (Apache License 2.0)."""

from pathlib import Path

import pytest
from extracted import extract

from nightshift.errors import PermanentError
from nightshift.knowledge.extract.blocks import Block

SAMPLES = Path(__file__).parent / "samples"


def test_a_doc_is_read_with_its_notes_and_without_its_comments() -> None:
    assert extract("doc", SAMPLES / "poi.doc").blocks == [
        Block("Test text\n\nTestFootnote\n\nTestEndnote", headings=("Test text",))
    ]


def test_a_ppt_becomes_a_block_for_each_slide_and_its_notes() -> None:
    found = extract("ppt", SAMPLES / "poi.ppt").blocks
    title = "This is the title on page 2"
    lines = [title, "This is page two", "It has several blocks of text", "None of them have formatting"]
    assert [(block.page, block.headings[-1]) for block in found] == [
        (1, "This is a test title"),
        (1, "Notes"),
        (2, title),
        (2, "Notes"),
    ]
    assert found[2].text.split("\n") == lines


@pytest.mark.parametrize("kind", ["doc", "ppt"])
def test_a_truncated_one_is_called_damaged(kind: str, tmp_path: Path) -> None:
    (tmp_path / "half").write_bytes((SAMPLES / f"poi.{kind}").read_bytes()[:600])
    with pytest.raises(PermanentError, match="damaged"):
        extract(kind, tmp_path / "half")
