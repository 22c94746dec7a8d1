import io
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nightshift.errors import PermanentError
from nightshift.knowledge.sniff import kind_of, known_as


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
        ("Name;City".encode("utf-16-le"), "a.csv", "csv"),
        ("<!DOCTYPE html><p>Größe".encode("utf-16"), "a", "html"),
        (b"<head><title>x</title></head><p>text", "a.aspx", "html"),
        (b"<script>1</script>\n<div>text", "a.php", "html"),
        (b"<div>\n<table><tr><td>1", "report.xls", "html"),
        (b"<b>bold</b> text", "notes.txt", "text"),
        (b"a < b and c > d", "a", "text"),
        (b"MIME-Version: 1.0\nContent-Type: text/html\n\n<p>x", "VPN.doc", "mail"),
        (b"From: a@b.c\nSubject: x\n\ntext", "a.eml", "mail"),
        (b"Subject: x\n\ntext", "a.txt", "text"),
        (b"Note: MIME-Version: 1.0\n\nis a header", "a.txt", "text"),
        (b"", "", "text"),
    ],
)
def test_the_content_decides_what_a_file_is(head: bytes, filename: str, kind: str | None) -> None:
    assert kind_of(io.BytesIO(head), filename) == kind


def test_a_generated_pdf_is_a_pdf(make_pdf: Callable[..., Path]) -> None:
    assert kind_of(io.BytesIO(make_pdf("words").read_bytes()), "words") == "pdf"


def zipped(*names: str, content: bytes = b"", deflate: bool = False) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED) as archive:
        for name in names:
            archive.writestr(name, content)
    return stream


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (zipped("[Content_Types].xml", "word/document.xml"), "docx"),
        (zipped("[content_types].xml", "word/document.xml"), "docx"),
        (zipped("[Content_Types].xml", "word\\document.xml"), "docx"),
        (zipped("_rels/.rels", "word/document2.xml", "word/embeddings/xl/a.xlsx", "[Content_Types].xml"), "docx"),
        (zipped("[Content_Types].xml", "ppt/presentation.xml"), "pptx"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "xlsx"),
        (zipped("[Content_Types].xml", "visio/document.xml"), None),
        (zipped("mimetype", "META-INF/container.xml", content=b"application/epub+zip"), "epub"),
        (zipped("mimetype", "content.xml", content=b"application/vnd.oasis.opendocument.spreadsheet"), "ods"),
        (zipped("mimetype", "content.xml", content=b"application/vnd.oasis.opendocument.text"), None),
        (zipped("mimetype", "META-INF/container.xml", content=b"application/vnd.oasis.opendocument.text"), None),
        (
            zipped("content.xml", "mimetype", content=b"application/vnd.oasis.opendocument.spreadsheet", deflate=True),
            "ods",
        ),
        (
            zipped("META-INF/", "META-INF/container.xml", "mimetype", content=b"application/epub+zip", deflate=True),
            "epub",
        ),
        (zipped("META-INF/container.xml"), "epub"),
        (zipped("holiday.jpg", "word/document.xml"), None),
        (zipped("a.docx", content=zipped("[Content_Types].xml", "word/document.xml").getvalue()), None),
        (zipped(), None),
        (zipped("a.pdf", content=b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), None),
    ],
)
def test_a_zip_file_is_classified_by_its_parts(stream: io.BytesIO, kind: str | None) -> None:
    assert kind_of(stream, "anything.docx") == kind
    assert stream.tell() == 0


@pytest.mark.slow
def test_sixty_thousand_parts_are_classified_quickly() -> None:
    stream = zipped(*(f"word/{number}" for number in range(60_000)), "[Content_Types].xml")
    begun = time.process_time()
    assert kind_of(stream, "") == "docx"
    assert time.process_time() - begun < 1  # 0.03 s


def test_a_head_of_comments_is_classified_quickly() -> None:
    begun = time.process_time()
    assert kind_of(io.BytesIO(b"<!---->" * 9000 + b"<!--" * 500), "") == "text"
    assert time.process_time() - begun < 1  # 0.01 s


def an_ole_file(*names: str, below: str = "") -> io.BytesIO:
    """An OLE file with empty streams of these names, and one inside a storage."""
    entries = [("Root Entry", 5, 1), *((name, 2, 0xFFFFFFFF) for name in names), ("Storage", 1, len(names) + 2)]
    entries += [(below, 2, 0xFFFFFFFF)] * bool(below)
    directory = b""
    for number, (name, kind, child) in enumerate(entries):
        after = number + 1 if 0 < number <= len(names) else 0xFFFFFFFF
        directory += name.encode("utf-16-le").ljust(64, b"\0") + struct.pack(
            "<HBBIII", 2 * len(name) + 2, kind, 1, 0xFFFFFFFF, after, child
        )
        directory += b"\0" * 48
    sectors = [directory[at : at + 512].ljust(512, b"\0") for at in range(0, len(directory), 512)]
    chain = [*range(2, len(sectors) + 1), 0xFFFFFFFE]
    table = struct.pack(f"<{len(chain) + 1}I", 0xFFFFFFFD, *chain).ljust(512, b"\xff")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 22 + struct.pack("<H", 9) + b"\0" * 16 + struct.pack("<I", 1)
    return io.BytesIO(header + b"\0" * 24 + struct.pack("<109I", 0, *[0xFFFFFFFF] * 108) + table + b"".join(sectors))


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (an_ole_file("WordDocument", "1Table", "CompObj", "Data", "ObjectPool", below="Workbook"), "doc"),
        (an_ole_file("Pictures", "PowerPoint Document"), "ppt"),
        (an_ole_file("a", "b", "c", "d", "Workbook", below="PowerPoint Document"), "xls"),
        (an_ole_file("WORKBOOK"), "xls"),
        (an_ole_file("EncryptedPackage", "EncryptionInfo"), "xls"),  # whose reader says that it is locked
        (an_ole_file("__properties_version1.0"), None),  # a mail of Outlook
    ],
)
def test_an_ole_file_is_classified_by_the_streams_at_its_top(stream: io.BytesIO, kind: str | None) -> None:
    stream.seek(0, io.SEEK_END)
    stream.write("A cell that says PowerPoint Document".encode("utf-16-le"))
    assert kind_of(stream, "anything.doc") == kind


@pytest.mark.parametrize(
    ("root", "words"),
    [
        ('<pkg:package xmlns:pkg="x">', "Flat OPC"),
        ('<w:wordDocument xmlns:w="x">', "Word 2003"),
        ('<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">', "XML Spreadsheet 2003"),
        ('<office:document xmlns:office="x">', "OpenDocument"),
    ],
)
def test_office_in_one_xml_file_is_refused_by_its_name(root: str, words: str) -> None:
    with pytest.raises(PermanentError, match=words):
        kind_of(io.BytesIO(f'<?xml version="1.0"?>\n{root}'.encode()), "a.xls")


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (zipped("mimetype", "content.xml", content=b"application/vnd.oasis.opendocument.text"), "OpenDocument text"),
        (zipped("mimetype", "content.xml", content=b"application/vnd.oasis.opendocument.presentation"), "presentation"),
        (zipped("Index/Document.iwa", "preview.jpg"), "Pages"),
        (zipped("a.pdf", "b.docx", content=b"%PDF-1.7\n\0"), "zip archive"),
        (io.BytesIO(b"{\\rtf1\\ansi hello}"), "RTF"),
        (io.BytesIO(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "picture"),
        (an_ole_file("__properties_version1.0"), "Outlook"),
    ],
)
def test_a_file_without_a_reader_is_called_what_it_is(stream: io.BytesIO, words: str) -> None:
    assert kind_of(stream, "a.doc") is None and words in (known_as(stream) or "")
    assert known_as(io.BytesIO(b"MZ\x90\0")) is None
