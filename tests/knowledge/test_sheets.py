from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from nightshift.errors import PermanentError
from nightshift.knowledge.extract import extract
from nightshift.knowledge.extract.blocks import Block

SAMPLES = Path(__file__).parent / "samples"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MakeZip = Callable[[Mapping[str, str | bytes]], Path]

ODS = """<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>
<table:table table:name="Prices">{}</table:table></office:spreadsheet></office:body></office:document-content>"""
CELL = '<table:table-cell office:value-type="string" {}><text:p>{}</text:p></table:table-cell>'


@pytest.fixture
def make_ods(make_zip: MakeZip) -> Callable[[str], Path]:
    """An ODS of one sheet with this content."""

    def make_ods(content: str) -> Path:
        mimetype = "application/vnd.oasis.opendocument.spreadsheet"
        manifest = '<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
        parts = {"mimetype": mimetype, "content.xml": ODS.format(content), "META-INF/manifest.xml": manifest}
        return make_zip(parts)

    return make_ods


@pytest.fixture
def xlsx(tmp_path: Path) -> Path:
    """Two sheets, and one that is hidden."""
    book = openpyxl.Workbook()
    prices = book.active
    prices.title = "Prices"
    for cells in (["Größe", None, "Price"], [], ["L", None, 19.9, True], ["from", date(2024, 5, 31), 24]):
        prices.append(cells)
    book.create_sheet("Hours").append(["two\nlines", datetime(2024, 5, 31, 9, 30), 0.1 + 0.2])
    hidden = book.create_sheet("Margins")
    hidden.append(["secret"])
    hidden.sheet_state = "hidden"
    book.save(tmp_path / "made.xlsx")
    return tmp_path / "made.xlsx"


def test_a_sheet_becomes_a_block_with_its_name_as_heading_and_a_line_for_each_row(xlsx: Path) -> None:
    assert extract("xlsx", xlsx).blocks == [
        Block("Größe |  | Price\nL |  | 19.9 | True\nfrom | 2024-05-31 | 24", headings=("Prices",)),
        Block("two lines | 2024-05-31 09:30:00 | 0.3", headings=("Hours",)),
    ]


def test_a_hidden_sheet_is_left_out_with_a_note(xlsx: Path) -> None:
    assert extract("xlsx", xlsx).notes == ["Sheet Margins is hidden and was left out."]


def test_an_xls_is_read_likewise() -> None:
    """The sample: xlwt 1.3.0."""
    found = extract("xls", SAMPLES / "xlwt.xls")
    assert found.blocks == [Block("Größe | Price\nL | 19.9\nXL | 24\n2024-05-31", headings=("Prices",))]
    assert found.notes == ["Sheet Margins is hidden and was left out."]


def test_an_ods_is_read_likewise(make_ods: Callable[[str], Path]) -> None:
    rows = [CELL.format("", "Größe") + CELL.format("", "Price"), CELL.format("", "L") + CELL.format("", "19.90")]
    path = make_ods("".join(f"<table:table-row>{row}</table:table-row>" for row in rows))
    assert extract("ods", path).blocks == [Block("Größe | Price\nL | 19.90", headings=("Prices",))]


@pytest.mark.parametrize(("rows", "columns"), [(1_048_576, 16_384), (4_000_000_000, 4_000_000_000)])
def test_a_cell_repeated_without_end_is_refused(make_ods: Callable[[str], Path], rows: int, columns: int) -> None:
    cell = CELL.format(f'table:number-columns-repeated="{columns}"', "x")
    with pytest.raises(PermanentError, match=r"damaged|breaks the reader|more memory"):
        extract("ods", make_ods(f'<table:table-row table:number-rows-repeated="{rows}">{cell}</table:table-row>'))


def test_two_cells_at_the_ends_of_a_sheet_are_read_or_refused_at_once(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD1048576"] = "first", "last"
    book.save(tmp_path / "far.xlsx")
    with pytest.raises(PermanentError, match=r"breaks the reader|more memory"):
        extract("xlsx", tmp_path / "far.xlsx", timeout_seconds=60)


def test_a_sheet_that_cannot_be_read_becomes_a_note_and_the_others_are_kept(xlsx: Path) -> None:
    path = xlsx.with_name("broken.xlsx")
    with openpyxl.reader.excel.ZipFile(xlsx) as whole, openpyxl.reader.excel.ZipFile(path, "w") as broken:
        for name in whole.namelist():
            broken.writestr(name, b"<worksheet" if name.endswith("sheet1.xml") else whole.read(name))
    found = extract("xlsx", path)
    assert [block.headings for block in found.blocks] == [("Hours",)]
    assert found.notes[0] == "Sheet Prices could not be read."


@pytest.mark.parametrize("stream", ["WordDocument", "PowerPoint Document", "EncryptedPackage", "Something else"])
def test_an_old_or_locked_office_file_asks_for_a_new_one(tmp_path: Path, stream: str) -> None:
    (tmp_path / "old.doc").write_bytes(OLE + b"\0" * 600 + stream.encode("utf-16-le") + b"\0" * 600)
    with pytest.raises(PermanentError, match=r"password-protected or in an old Office format: save it as \.docx"):
        extract("xls", tmp_path / "old.doc")


def test_a_workbook_inside_an_old_document_is_not_taken_for_the_document(tmp_path: Path) -> None:
    (tmp_path / "old.doc").write_bytes((SAMPLES / "xlwt.xls").read_bytes() + "WordDocument".encode("utf-16-le"))
    with pytest.raises(PermanentError, match="old Office format"):
        extract("xls", tmp_path / "old.doc")


def test_a_truncated_xls_is_called_damaged(tmp_path: Path) -> None:
    whole = (SAMPLES / "xlwt.xls").read_bytes()
    (tmp_path / "half.xls").write_bytes(whole[:600] + whole[-512:])
    with pytest.raises(PermanentError, match="damaged"):
        extract("xls", tmp_path / "half.xls")
