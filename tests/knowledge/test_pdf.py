import io
import os
import re
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest
from pypdf.generic import NameObject

from nightshift.errors import PermanentError
from nightshift.knowledge.extract import extract
from nightshift.knowledge.extract.pdf import _page_list

MakePdf = Callable[..., Path]


def break_page(path: Path, number: int) -> Path:
    """Replace the page's object with one that is not a page."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(path.read_bytes()))
    page = writer.pages[number - 1]
    for key in list(page):
        del page[key]
    page[NameObject("/Type")] = NameObject("/Font")
    writer.write(path)
    return path


def test_a_pdf_becomes_one_block_for_each_page_counted_from_one(make_pdf: MakePdf) -> None:
    found = extract("pdf", make_pdf("Refunds\nwithin 30 days", "", "Opening hours"))
    assert [(block.text, block.page) for block in found.blocks] == [
        ("Refunds\nwithin 30 days", 1),
        ("Opening hours", 3),
    ]
    assert found.notes == []


def test_a_locked_pdf_asks_for_an_unlocked_copy(make_pdf: MakePdf, lock: Callable[[Path, str], Path]) -> None:
    with pytest.raises(PermanentError, match=r"password-protected\. Upload an unlocked copy"):
        extract("pdf", lock(make_pdf("secret"), "sesame"))


def test_a_pdf_locked_with_an_empty_password_is_read(make_pdf: MakePdf, lock: Callable[[Path, str], Path]) -> None:
    assert extract("pdf", lock(make_pdf("no secret"), "")).blocks[0].text == "no secret"


@pytest.mark.parametrize("data", [b"%PDF-1.7\n%%EOF\n", b"%PDF-1.4\n" + b"\0" * 5000, b"MZ nothing", b""])
def test_a_damaged_pdf_is_called_damaged(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.pdf").write_bytes(data)
    with pytest.raises(PermanentError, match="damaged, or not a PDF"):
        extract("pdf", tmp_path / "bad.pdf")


def test_a_truncated_pdf_is_read_or_called_damaged_wherever_it_ends(make_pdf: MakePdf) -> None:
    path = make_pdf("one", "two", "three")
    whole = path.read_bytes()
    for length in range(20, len(whole), len(whole) // 8):
        path.write_bytes(whole[:length])
        try:
            assert extract("pdf", path).blocks
        except PermanentError as error:
            assert re.search("damaged|no text", str(error))


def test_a_scan_asks_for_text_recognition(make_pdf: MakePdf) -> None:
    with pytest.raises(PermanentError, match=r"is a scan: .* text recognition"):
        extract("pdf", make_pdf(None, None))


def test_an_empty_pdf_contains_no_text(make_pdf: MakePdf) -> None:
    with pytest.raises(PermanentError, match="This PDF contains no text"):
        extract("pdf", make_pdf("", ""))


def test_pages_of_pictures_among_text_become_a_note(make_pdf: MakePdf) -> None:
    found = extract("pdf", make_pdf("words", None, None))
    assert [block.page for block in found.blocks] == [1]
    assert found.notes == ["Pages 2, 3: only pictures, no text."]


def test_a_page_that_fails_to_load_becomes_a_note_and_the_others_are_kept(make_pdf: MakePdf) -> None:
    found = extract("pdf", break_page(make_pdf("one", "two", "three"), 2))
    assert [(block.text, block.page) for block in found.blocks] == [("one", 1), ("three", 3)]
    assert found.notes == ["Page 2 could not be read."]


def test_a_pdf_whose_every_page_fails_is_damaged(make_pdf: MakePdf) -> None:
    with pytest.raises(PermanentError, match="damaged"):
        extract("pdf", break_page(make_pdf("one"), 1))


def test_a_long_list_of_pages_is_cut() -> None:
    assert _page_list([7]) == "Page 7"
    assert _page_list(list(range(1, 14))) == "Pages 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 more"


def test_a_thousand_pages_are_quick(make_pdf: MakePdf) -> None:
    path = make_pdf(*["\n".join(["the quick brown fox jumps over the lazy dog"] * 30)] * 1000)
    begun = sum(os.times()[:4])  # of this process and of those it waited for
    assert len(extract("pdf", path).blocks) == 1000
    assert sum(os.times()[:4]) - begun < 10  # about 1 s
