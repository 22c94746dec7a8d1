"""Zip files and XML made to harm their reader."""

import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import openpyxl
import pytest
from extracted import extract

from nightshift.errors import PermanentError
from nightshift.knowledge.extract import archive
from nightshift.knowledge.extract.archive import Archive, target

MakeZip = Callable[[Mapping[str, str | bytes]], Path]

RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r" Type="http://x/{}" Target="{}"/></Relationships>'
)
BODY = '<w:document xmlns:w="w" xmlns:r="r"><w:body>{}</w:body></w:document>'
LAUGHS = "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)
DOCTYPE = f'<!DOCTYPE x [<!ENTITY a "ha">{LAUGHS}<!ENTITY file SYSTEM "file:///etc/passwd">]>'


def office(document: str | bytes, **more: str) -> dict[str, str | bytes]:
    return {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": RELATIONS.format("officeDocument", "word/document.xml"),
        "word/document.xml": document,
        **more,
    }


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def test_a_part_that_unpacks_to_too_much_is_refused_without_unpacking_it(make_zip: MakeZip) -> None:
    path = make_zip(office(b"<a>" + b" " * archive.MAX_PART_BYTES))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(PermanentError, match="unpacks to more"):
        extract("docx", path)


def test_parts_that_unpack_to_too_much_together_are_refused(make_zip: MakeZip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 2500)
    opened = Archive(make_zip({"a": b"x" * 1000, "b": b"x" * 1000, "c": b"x" * 1000}).read_bytes())
    opened.read("a")
    opened.read("b")
    with pytest.raises(PermanentError, match="unpacks to more"):
        opened.read("c")


@pytest.mark.slow
def test_declared_sizes_are_not_trusted(make_zip: MakeZip) -> None:
    path = make_zip(office(b"<a>" + b" " * archive.MAX_PART_BYTES))
    data = bytearray(path.read_bytes())
    for at, offset in ((data.rfind(b"PK\x01\x02"), 24), (data.find(b"word/document.xml") - 30, 22)):
        data[at + offset : at + offset + 4] = (100).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(PermanentError):
        extract("docx", path)


@pytest.mark.slow
def test_a_sheet_that_unpacks_to_too_much_is_refused_and_pictures_are_not_unpacked(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["text"])
    book.save(tmp_path / "made.xlsx")
    with zipfile.ZipFile(tmp_path / "made.xlsx", "a", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/media/1.png", b" " * (archive.MAX_UNPACKED_BYTES + 1))
    assert extract("xlsx", tmp_path / "made.xlsx").blocks[0].text == "text"
    with zipfile.ZipFile(tmp_path / "made.xlsx", "a", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/styles.xml", b" " * (archive.MAX_PART_BYTES + 1))
    with pytest.raises(PermanentError, match="unpacks to more"):
        extract("xlsx", tmp_path / "made.xlsx")


def test_methods_that_unpack_without_limit_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.docx", "w", zipfile.ZIP_LZMA) as made:
        for name, content in office(BODY.format(paragraph("text"))).items():
            made.writestr(name, content)
    with pytest.raises(PermanentError, match="may be damaged"):
        extract("docx", tmp_path / "bomb.docx")


@pytest.mark.parametrize("entity", ["&j;", "&file;"])
def test_entities_are_not_resolved(make_zip: MakeZip, entity: str) -> None:
    path = make_zip(office(DOCTYPE + BODY.format(paragraph("before") + paragraph(entity) + paragraph("after"))))
    try:
        assert extract("docx", path).blocks[0].text == "before\n\nafter"
    except PermanentError as error:  # libxml2 sees the amplification by itself
        assert "may be damaged" in str(error) and entity == "&j;"


@pytest.mark.parametrize("depth", [2_000, 1_000_000])
def test_elements_nested_without_end_are_refused(make_zip: MakeZip, depth: int) -> None:
    path = make_zip(office(BODY.format("<w:sdt>" * depth + "</w:sdt>" * depth)))
    with pytest.raises(PermanentError, match="may be damaged"):
        extract("docx", path)


def test_a_chart_that_holds_itself_is_refused(make_zip: MakeZip) -> None:
    ring = {"word/_rels/document.xml.rels": RELATIONS.format("chart", "document.xml")}
    with pytest.raises(PermanentError, match="may be damaged"):
        extract("docx", make_zip(office(BODY.format('<w:chart r:id="r"/>'), **ring)))


def test_cycles_and_endless_chains_of_styles_are_read_quickly(make_zip: MakeZip) -> None:
    chain = "".join(f'<w:style w:styleId="{n}"><w:basedOn w:val="{n + 1}"/></w:style>' for n in range(20_000))
    styles = f'<w:styles xmlns:w="w">{chain}<w:style w:styleId="ring"><w:basedOn w:val="ring"/></w:style></w:styles>'
    styled = "".join(f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr></w:p>' for style in ["0"] * 1000 + ["ring"])
    more = {"word/_rels/document.xml.rels": RELATIONS.format("styles", "styles.xml"), "word/styles.xml": styles}
    begun = time.process_time()
    extract("docx", make_zip(office(BODY.format(styled + paragraph("text")), **more)))
    assert time.process_time() - begun < 10  # 0.5 s


@pytest.mark.parametrize("kind", ["docx", "pptx", "epub", "xlsx", "ods"])
@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18, b"PK\x05\x06" + b"\xff" * 18])
def test_a_file_that_is_not_a_zip_file_is_called_damaged(tmp_path: Path, kind: str, data: bytes) -> None:
    (tmp_path / "bad").write_bytes(data)
    with pytest.raises(PermanentError, match="damaged"):
        extract(kind, tmp_path / "bad")


@pytest.mark.slow
def test_a_truncated_or_changed_file_is_read_or_refused(make_zip: MakeZip) -> None:
    path = make_zip(office(BODY.format(paragraph("some text"))))
    whole = path.read_bytes()
    for at in range(0, len(whole), len(whole) // 12):
        for data in (whole[:at], whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :]):
            path.write_bytes(data)
            try:
                assert extract("docx", path).blocks
            except PermanentError as error:
                assert str(error).endswith(".")


@pytest.mark.parametrize(
    ("part", "reference", "name"),
    [
        ("word/document.xml", "media/a.png", "word/media/a.png"),
        ("word/document.xml", "/word/a.xml", "word/a.xml"),
        ("ppt/slides/slide1.xml", "../notes/n.xml", "ppt/notes/n.xml"),
        ("OEBPS/book.opf", "a%20b.xhtml#top", "OEBPS/a b.xhtml"),
        ("book.opf", "../../etc/passwd", "etc/passwd"),
    ],
)
def test_references_stay_inside_the_file(part: str, reference: str, name: str) -> None:
    assert target(part, reference) == name
