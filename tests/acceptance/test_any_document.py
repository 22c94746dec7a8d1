"""Each kind of file goes in by HTTP, whatever it is called, and is found with the place it stands at."""

import io
import zipfile

import docx
import openpyxl
import pptx
import pytest
from client import Client


def a_docx() -> bytes:
    document, file = docx.Document(), io.BytesIO()
    document.add_heading("Repairs", 1)
    document.add_paragraph("The ocarina is repaired within a week.")
    document.save(file)
    return file.getvalue()


def a_pptx() -> bytes:
    slides, file = pptx.Presentation(), io.BytesIO()
    for title in ("Welcome", "The ocarina plan"):
        slide = slides.slides.add_slide(slides.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = f"{title} in one sentence."
    slides.save(file)
    return file.getvalue()


def a_xlsx() -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.title = "Prices"
    book.active.append(["Article", "Price"])
    book.active.append(["Ocarina", 12.5])
    book.save(file)
    return file.getvalue()


PAGE = b"<!doctype html><title>x</title><h1>Shop</h1><script>alert(1)</script><p>An ocarina costs little.</p>"


@pytest.mark.parametrize(
    ("name", "data", "page", "heading"),
    [
        ("repairs.docx", a_docx(), None, "Repairs"),
        ("plan.pptx", a_pptx(), 2, None),
        ("prices.xlsx", a_xlsx(), None, "Prices"),
        ("shop.html", PAGE, None, "Shop"),
        ("list.csv", "Artikel;Preis\nOcarina grün;12,50\n".encode("latin-1"), None, None),
        ("wrongly-named.pdf", a_docx(), None, "Repairs"),
    ],
)
def test_a_file_is_read_and_its_place_is_kept(
    name: str, data: bytes, page: int | None, heading: str | None, api: Client
) -> None:
    doc_id = api.upload(name, data).json()["id"]
    doc = api.settled(doc_id)
    assert (doc["status"], doc["errorMsg"]) == ("READY", None)
    best = api.search("ocarina")[0]
    assert "ocarina" in best["content"].lower()
    assert "alert" not in best["content"]
    assert best["locator"]["page"] == page
    if heading:
        assert heading in best["locator"]["headings"]


@pytest.mark.slow
def test_a_zip_that_unpacks_without_end_is_told_and_the_next_one_served(api: Client) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(a_docx())) as good, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bomb:
        for part in good.namelist():
            bomb.writestr(part, good.read(part))
        bomb.writestr("word/footnotes.xml", b"<w>" + b" " * (400 << 20))
    doc = api.settled(api.upload("bomb.docx", file.getvalue()).json()["id"])
    assert doc["retryAt"] is None
    assert api.settled(api.add_text("A good text after it."))["status"] == "READY"
