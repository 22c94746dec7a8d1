import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nightshift.knowledge.sniff import kind_of


@pytest.mark.parametrize(
    ("head", "filename", "kind"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a.txt", "pdf"),
        (b"\xef\xbb\xbf\r\n%PDF-1.4\n", "a.pdf", "pdf"),
        (b"\0" * 1000 + b"%PDF-1.4\n", "a.pdf", "pdf"),
        (b"\0" * 1024 + b"%PDF-1.4\n", "a.pdf", None),
        (b"MZ\x90\x00\x03\x00\x00\x00", "invoice.pdf", None),
        (b"PK\x03\x04\x14\x00\x06\x00", "a.docx", None),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504, "a.doc", "xls"),
        (b"\n<!-- a page --><!DOCTYPE html><p>text", "a", "html"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<html xmlns='...'>", "a.md", "html"),
        (b"<p>a part of a page", "a.htm", "html"),
        (b"<p align=center>Title</p>", "README.md", "markdown"),
        (b"no tag at all", "a.html", "text"),
        (b"<html>\0\1\2", "a.html", None),
        (b"name,age\nAnn,30\n", "a.CSV", "csv"),
        (b"name\tage\nAnn\t30\n", "a.tsv", "csv"),
        (b"name,age\nAnn,30\n", "a", "text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a.txt", None),
        (b"{\\rtf1\\ansi hello}", "a.txt", None),
        (b"# Title\n\ntext", "A.MD", "markdown"),
        (b"# Title\n\ntext", "a.markdown", "markdown"),
        (b"# Title\n\ntext", "a.txt", "text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a.md", None),
        (b"A PDF begins with %PDF-1.7, they say.", "a.md", "markdown"),
        ("Grüße".encode("utf-16"), "a", "text"),
        (b"", "", "text"),
    ],
)
def test_the_content_decides_what_a_file_is(head: bytes, filename: str, kind: str | None) -> None:
    assert kind_of(io.BytesIO(head), filename) == kind


def test_a_generated_pdf_is_a_pdf(make_pdf: Callable[..., Path]) -> None:
    assert kind_of(io.BytesIO(make_pdf("words").read_bytes()), "words") == "pdf"


def zipped(*names: str, content: bytes = b"") -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return stream


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (zipped("[Content_Types].xml", "word/document.xml"), "docx"),
        (zipped("_rels/.rels", "word/document2.xml", "word/embeddings/xl/a.xlsx", "[Content_Types].xml"), "docx"),
        (zipped("[Content_Types].xml", "ppt/presentation.xml"), "pptx"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "xlsx"),
        (zipped("[Content_Types].xml", "visio/document.xml"), None),
        (zipped("mimetype", "META-INF/container.xml", content=b"application/epub+zip"), "epub"),
        (zipped("mimetype", "content.xml", content=b"application/vnd.oasis.opendocument.spreadsheet"), "ods"),
        (zipped("mimetype", "content.xml", content=b"application/vnd.oasis.opendocument.text"), None),
        (zipped("holiday.jpg", "word/document.xml"), None),
        (zipped("a.docx", content=zipped("[Content_Types].xml", "word/document.xml").getvalue()), None),
        (zipped(), None),
    ],
)
def test_a_zip_file_is_classified_by_its_parts(stream: io.BytesIO, kind: str | None) -> None:
    assert kind_of(stream, "anything.docx") == kind
    assert stream.tell() == 0


def test_sixty_thousand_parts_are_classified_quickly() -> None:
    stream = zipped(*(f"word/{number}" for number in range(60_000)), "[Content_Types].xml")
    begun = time.process_time()
    assert kind_of(stream, "") == "docx"
    assert time.process_time() - begun < 1  # 0.03 s


def test_a_head_of_comments_is_classified_quickly() -> None:
    begun = time.process_time()
    assert kind_of(io.BytesIO(b"<!---->" * 9000 + b"<!--" * 500), "") == "text"
    assert time.process_time() - begun < 1  # 0.01 s
