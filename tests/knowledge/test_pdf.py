import io
import os
import re
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest
from extracted import extract
from PIL import Image
from pypdf.annotations import FreeText
from pypdf.generic import ArrayObject, BooleanObject, DictionaryObject, NameObject, NumberObject, TextStringObject
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from nightshift.errors import PermanentError
from nightshift.knowledge.extract.pdf.document import _page_list
from nightshift.knowledge.extract.pdf.hyphens import Joiner

MakePdf = Callable[..., Path]
SAMPLES = Path(__file__).parent / "samples"


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


@pytest.mark.slow
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


def written(path: Path, *lines: tuple[float, float, str], rotate: float = 0, turn: int = 0) -> str:
    """The text that is read from a page with these lines. `rotate`: what is drawn; `turn`: the page."""
    canvas = Canvas(str(path), pagesize=(600, 600))
    canvas.translate(300, 300)
    canvas.rotate(rotate)
    canvas.translate(-300, -300)
    for x, y, text in lines:
        canvas.drawString(x, y, text)
    canvas.save()
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(path.read_bytes()))
    writer.pages[0].rotation = turn
    writer.write(path)
    return extract("pdf", path).blocks[0].text


def test_columns_that_are_drawn_line_by_line_are_read_one_after_the_other(tmp_path: Path) -> None:
    sides = {60.0: "On the left we explain how refunds work", 330.0: "On the right we explain how repairs go"}
    lines = [(60.0, 560.0, "A title that is as wide as both columns together, and even a little wider than that is")]
    lines += [(x, 530.0 - 15 * n, f"{text} {n}") for n in range(6) for x, text in sides.items()]
    text = written(tmp_path / "made.pdf", *lines)
    order = [line[-1] for line in text.split("\n") if "explain" in line]
    assert text.startswith("A title") and order == [*"012345012345"]


def test_a_table_is_read_row_by_row(tmp_path: Path) -> None:
    lines = [(x, 530.0 - 15 * n, f"{name}{n}") for n in range(6) for x, name in ((60.0, "A-"), (330.0, "B-"))]
    assert written(tmp_path / "made.pdf", *lines).split("\n")[0] == "A-0 B-0"


@pytest.mark.parametrize(("rotate", "turn"), [(0, 90), (90, 90), (90, 180), (180, 270), (270, 0), (270, 270)])
def test_the_lines_of_a_turned_page_are_in_order(rotate: int, turn: int, tmp_path: Path) -> None:
    lines = [(60.0, 540.0 - 15 * n, f"Line {n} of the notice.") for n in range(4)]
    text = written(tmp_path / "made.pdf", *lines, rotate=rotate, turn=turn)
    assert re.findall(r"\d", text) == [*"0123"]


@pytest.mark.parametrize(
    ("above", "below", "joined"),
    [
        ("The infor-", "mation is free", "The information is free"),
        ("Die Kunden-", "betreuung hilft", "Die Kundenbetreuung hilft"),
        ("a long-", "term plan", "a long-term plan"),
        ("the price-", "determining one", "the price-determining one"),
        ("our part-", "time staff", "our part-time staff"),
        ("write an e-", "mail", "write an e-mail"),
        ("order AB-", "4711 today", "order AB-4711 today"),
        ("call 555-", "0123 today", "call 555-0123 today"),
        ("im Online-", "Shop", "im Online-Shop"),
        ("Wertpapier\u00ad", "index", "Wertpapierindex"),
    ],
)
def test_a_hyphen_at_a_line_end_stays_unless_it_breaks_a_word(
    above: str, below: str, joined: str, make_pdf: MakePdf
) -> None:
    assert extract("pdf", make_pdf(f"{above}\n{below}")).blocks[0].text == joined


def test_soft_hyphens_are_left_out_and_the_document_s_own_words_decide() -> None:
    joiner = Joiner()
    assert joiner.join("Wert\u00adpapier\u00ad\nindex") == "Wertpapierindex"
    assert joiner.join("A self\ufffestorage unit") == "A self-storage unit"
    joiner.join("Our sunbright lamps, and pre-heat them.")
    assert joiner.join("sun\ufffebright pre\ufffeheat") == "sunbright pre-heat"


def test_the_values_of_a_form_stand_at_their_labels(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "form.pdf"))
    form = canvas.acroForm
    canvas.drawString(50, 700, "Order number:")
    form.textfield(name="f1", value="ORD-77120", x=150, y=695, width=200, height=18)
    canvas.drawString(50, 660, "Reason:")
    form.choice(
        name="f2", value="x1", options=[("Flickers", "x1"), ("Broken", "x2")], x=150, y=655, width=200, height=18
    )
    for number, (text, checked) in enumerate([("Express", True), ("Gift wrap", False)]):
        form.checkbox(name=f"c{number}", checked=checked, x=50, y=600 - 30 * number, size=15)
        canvas.drawString(75, 603 - 30 * number, text)
    form.textfield(name="pin", value="1234", x=50, y=500, width=90, height=18, fieldFlags="password")
    form.textfield(name="remark", value="ring twice", x=300, y=300, width=200, height=18)
    canvas.save()
    assert extract("pdf", tmp_path / "form.pdf").blocks[0].text.split("\n") == [
        "Order number: ORD-77120",
        "Reason: Flickers",
        "[x] Express",
        "[ ] Gift wrap",
        "remark: ring twice",
    ]


def test_embedded_pdfs_are_read_below_their_names_and_other_files_become_a_note(make_pdf: MakePdf) -> None:
    inner = make_pdf("Tariff Sunrise").read_bytes()
    path = make_pdf("Open this portfolio")
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(path.read_bytes()))
    writer.add_attachment("tariffs.pdf", inner)
    writer.add_attachment("data.xml", b"<x/>")
    writer.write(path)
    found = extract("pdf", path)
    assert [(b.text, b.page, b.headings) for b in found.blocks][1:] == [("Tariff Sunrise", 1, ("tariffs.pdf",))]
    assert found.notes == ["The embedded file data.xml was left out."]


def test_text_typed_onto_a_page_is_read(make_pdf: MakePdf) -> None:
    path = make_pdf("Installation guide")
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(path.read_bytes()))
    writer.add_annotation(0, FreeText(text="Torque is 24 Nm", rect=(50, 50, 250, 90)))
    hidden = writer.add_annotation(0, FreeText(text="hidden", rect=(50, 90, 250, 120)))
    hidden[NameObject("/F")] = NumberObject(2)
    writer.write(path)
    assert extract("pdf", path).blocks[0].text == "Installation guide\nTorque is 24 Nm"


def test_a_form_of_adobe_s_xfa_kind_is_refused_with_its_name(make_pdf: MakePdf) -> None:
    path = make_pdf("Please wait...")
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(path.read_bytes()))
    form = {"/Fields": ArrayObject(), "/XFA": ArrayObject([TextStringObject("x")])}
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject({NameObject(k): v for k, v in form.items()})
    writer.root_object[NameObject("/NeedsRendering")] = BooleanObject(True)
    writer.write(path)
    with pytest.raises(PermanentError, match="XFA"):
        extract("pdf", path)


def test_a_stamp_on_every_page_of_a_scan_is_not_taken_for_its_text(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "scan.pdf"), pagesize=(600, 800))
    for _ in range(2):
        canvas.drawImage(ImageReader(Image.new("L", (60, 80), 200)), 0, 0, 600, 800)
        canvas.drawString(20, 10, "Scanned with an app")
        canvas.showPage()
    canvas.save()
    with pytest.raises(PermanentError, match="is a scan"):
        extract("pdf", tmp_path / "scan.pdf")


def test_a_layer_that_is_switched_off_is_left_out() -> None:
    assert extract("pdf", SAMPLES / "hidden-layer.pdf").blocks[0].text == "New price 499 EUR"


def test_vertical_writing_in_a_font_that_is_not_embedded_is_read() -> None:
    assert "保証期間は二年です" in extract("pdf", SAMPLES / "vertical.pdf").blocks[0].text


def test_letters_without_unicode_are_called_so() -> None:
    with pytest.raises(PermanentError, match="letters of this PDF cannot be told"):
        extract("pdf", SAMPLES / "private-use.pdf")


@pytest.mark.slow
def test_a_thousand_pages_are_quick(make_pdf: MakePdf) -> None:
    path = make_pdf(*["\n".join(["the quick brown fox jumps over the lazy dog"] * 30)] * 1000)
    begun = sum(os.times()[:4])  # of this process and of those it waited for
    assert len(extract("pdf", path).blocks) == 1000
    assert sum(os.times()[:4]) - begun < 10  # about 1 s
