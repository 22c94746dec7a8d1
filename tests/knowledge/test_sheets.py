import zipfile
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from extracted import Extracted, extract
from openpyxl import Workbook
from openpyxl.chart import BarChart
from openpyxl.comments import Comment

from nightshift.errors import PermanentError
from nightshift.knowledge.extract.blocks import Block

SAMPLES = Path(__file__).parent / "samples"
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
def book() -> Workbook:
    return openpyxl.Workbook()


def read(book: Workbook, path: Path) -> Extracted:
    book.save(path / "made.xlsx")
    return extract("xlsx", path / "made.xlsx")


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


def test_a_sheet_becomes_a_table_with_its_name_as_heading_and_a_line_for_each_row(xlsx: Path) -> None:
    assert extract("xlsx", xlsx).blocks == [
        Block(
            "Größe |  | Price\nL |  | 19.9 | TRUE\nfrom | 2024-05-31 | 24",
            headings=("Prices",),
            columns="Größe |  | Price",
        ),
        Block("two lines | 2024-05-31 9:30:00 | 0.3", headings=("Hours",), columns=""),
    ]


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (0.075, "0.0%", "7.5%"),
        (-0.25, "0%;[Red]-0%", "-25%"),
        (1234.5, '"$"#,##0.00', "$1,234.50"),
        (1234.5, "#,##0.00\\ [$€-407]", "1,234.50 €"),
        (-5, "#,##0.00_);[Red]\\(#,##0.00\\)", "(5.00)"),
        (0, '0;-0;"sold out"', "sold out"),
        (1067, "00000", "01067"),
        (5551234567, "\\(000\\)\\ 000\\-0000", "(555) 123-4567"),
        (4006381333931, "General", "4006381333931"),
        (46096, "mm/dd/yyyy", "03/15/2026"),
        (46096, "[$-407]dd.mm.yyyy;@", "15.03.2026"),
        (46096, "[$-409]mmmm d, yyyy", "March 15, 2026"),
        (46096, "mm-dd-yy", "2026-03-15"),  # the built-in one, which follows the country of the machine
        (46096.6, "d.m.yy h:mm", "15.3.26 14:24"),
        (1.5, "[h]:mm", "36:00"),
        (0.0625, "mm:ss", "30:00"),
        (0.5, "# ?/?", "1/2"),
        (2.375, "# ?/8", "2 3/8"),
        (12345, "0.00E+00", "1.23E+04"),
        (24, '0" months"', "24 months"),
        (1500000, '[>=1000000]0.0,,"M";[>=1000]0.0,"K";0', "1.5M"),
        (150, '[>100]"high";"low"', "high"),
        (5, '0 "unclosed', "5 unclosed"),
        (-1, "h:mm", "-1"),
        (7, '"#"0000', "#0007"),
        (1234567.9, "[$-411]#,##0.0", "1,234,567.9"),
        (1234.5, "[$-10409]#,##0.00;-#,##0.00", "1,234.50"),
        (1234.5, "[$-409]General", "1234.5"),
        (46096, "[$-407]d. mmmm yyyy;@", "15. März 2026"),
        (46096, "[$-FC19]dd mmmm yyyy;@", "15 марта 2026"),
        (46096, '[$-40A]dddd d" de "mmmm;@', "domingo 15 de marzo"),
        (46096, "[$-416]mmm\\-yy", "mar-26"),
        (46096, "[$-464]mmmm yyyy", "Marso 2026"),
        (46096, "[$-46C]mmmm yyyy", "March 2026"),  # of which nothing is known
        (46096, '[$-411]ggge"年"m"月"', "令和8年3月"),
        (46096, "yyyy/m/d(aaa)", "2026/3/15(日)"),
        ("Ann", '0;0;0;"Dr. "@', "Dr. Ann"),
        ("shown", "0.00", "shown"),
    ],
)
def test_a_number_is_read_as_its_format_shows_it(
    value: float | str, code: str, shown: str, book: Workbook, tmp_path: Path
) -> None:
    book.active.append(["what", "value"])
    book.active.append(["x", value])
    book.active["B2"].number_format = code
    assert read(book, tmp_path).blocks[0].text.split("\n")[1] == f"x | {shown}"


def test_a_text_that_its_format_hides_is_left_out(book: Workbook, tmp_path: Path) -> None:
    book.active.append(["shown", "secret"])
    book.active["B1"].number_format = ";;;"
    assert read(book, tmp_path).blocks[0].text == "shown"


def test_rows_of_values_are_no_column_names(book: Workbook, tmp_path: Path) -> None:
    for cells in (["2026-01-01", 5, 6], ["2026-01-02", 7, 8], [], ["Region", "Sales", None], ["North", 9, 10]):
        book.active.append(cells)
    book.active.merge_cells("B4:C4")
    years, _ = book.create_sheet("Years"), book.create_sheet("Form")
    for cells in (["Region", "Sales", None], [None, 2025, 2026], ["North", 9, 10]):
        years.append(cells)
    years.merge_cells("A1:A2")
    years.merge_cells("B1:C1")
    for cells in (["Name:", "ACME"], ["Phone:", "none"]):
        book["Form"].append(cells)
    columns = [block.columns for block in read(book, tmp_path).blocks]
    assert columns.pop() == ""
    assert columns == ["", "Region | Sales | Sales", "Region | Sales | Sales\nRegion | 2025 | 2026"]


def test_every_row_and_column_of_a_merged_range_has_its_text(book: Workbook, tmp_path: Path) -> None:
    for cells in (
        ["Tariffs of 2026"],
        ["Region", "Price", None],
        [None, "Net", "Gross"],
        ["North", 9, 10],
        [None, 14, 16],
    ):
        book.active.append(cells)
    for merged in ("A1:C1", "A2:A3", "B2:C2", "A4:A5"):
        book.active.merge_cells(merged)
    title, table = read(book, tmp_path).blocks
    assert (title.text, title.columns) == ("Tariffs of 2026", None)
    assert table.columns == "Region | Price | Price\nRegion | Net | Gross"
    assert table.text == f"{table.columns}\nNorth | 9 | 10\nNorth | 14 | 16"


def test_two_tables_of_a_sheet_have_columns_of_their_own(book: Workbook, tmp_path: Path) -> None:
    rows = [["Size", "Price"], ["L", 9], [], ["XL", 11], [], ["Shops"], ["Town", "Rooms"], ["Ulm", 3]]
    for cells in rows:
        book.active.append(cells)
    found = [(block.text, block.columns) for block in read(book, tmp_path).blocks]
    assert found == [
        ("Size | Price\nL | 9\nXL | 11", "Size | Price"),
        ("Shops", None),
        ("Town | Rooms\nUlm | 3", "Town | Rooms"),
    ]


def test_hidden_rows_and_columns_are_left_out_with_a_note_and_groups_are_read(book: Workbook, tmp_path: Path) -> None:
    for cells in (["Item", "Cost", "Price"], ["Lamp", 3, 9], ["Old", 1, 2], ["Cable", 1, 4]):
        book.active.append(cells)
    book.active.column_dimensions["B"].hidden = True
    book.active.row_dimensions[3].hidden = True
    book.active.row_dimensions.group(4, 4, hidden=True)
    found = read(book, tmp_path)
    assert found.blocks[0].text == "Item | Price\nLamp | 9\nCable | 4"
    assert found.notes == ["Hidden rows or columns of sheet Sheet were left out."]


def test_a_formula_without_a_stored_result_becomes_a_note(book: Workbook, tmp_path: Path) -> None:
    book.active.append(["Licence", "=2*450"])
    found = read(book, tmp_path)
    assert found.blocks[0].text == "Licence"
    assert "1 formulas of sheet Sheet have no stored result" in found.notes[0]


def test_text_boxes_and_notes_follow_the_cells(book: Workbook, tmp_path: Path) -> None:
    book.active["A1"] = "See the box"
    book.active["A1"].comment = Comment("valid until June", "author")
    book.active.add_chart(BarChart())
    book.save(tmp_path / "made.xlsx")
    drawing = (
        '<d:wsDr xmlns:d="d" xmlns:a="a"><d:twoCellAnchor><d:sp><d:txBody><a:p><a:r><a:t>Free of shipping</a:t></a:r></a:p>'
        "</d:txBody></d:sp></d:twoCellAnchor></d:wsDr>"
    )
    with zipfile.ZipFile(tmp_path / "made.xlsx", "a") as made:
        made.writestr("xl/drawings/drawing1.xml", drawing)
    text = "\n".join(block.text for block in extract("xlsx", tmp_path / "made.xlsx").blocks)
    assert [line for line in text.split("\n") if line] == ["See the box", "Free of shipping", "A1: valid until June"]


def test_a_hidden_sheet_is_left_out_with_a_note(xlsx: Path) -> None:
    assert extract("xlsx", xlsx).notes == ["Sheet Margins is hidden and was left out."]


def test_an_xls_is_read_likewise() -> None:
    """The sample: xlwt 1.3.0."""
    found = extract("xls", SAMPLES / "xlwt.xls")
    assert found.blocks == [
        Block("Größe | Price\nL | 19.9\nXL | 24\n2024-05-31", headings=("Prices",), columns="Größe | Price")
    ]
    assert found.notes == ["Sheet Margins is hidden and was left out."]


def test_an_ods_is_read_likewise(make_ods: Callable[[str], Path]) -> None:
    rows = [CELL.format("", "Größe") + CELL.format("", "Price"), CELL.format("", "L") + CELL.format("", "19.90")]
    path = make_ods("".join(f"<table:table-row>{row}</table:table-row>" for row in rows))
    assert extract("ods", path).blocks == [
        Block("Größe | Price\nL | 19.90", headings=("Prices",), columns="Größe | Price")
    ]


def test_an_ods_shows_the_text_of_its_cells(make_ods: Callable[[str], Path]) -> None:
    percent = '<table:table-cell office:value-type="percentage" office:value="0.125"><text:p>12,5 %</text:p></table:table-cell>'
    bare = '<table:table-cell office:value-type="float" office:value="7"/>'
    group = CELL.format('table:number-rows-spanned="2"', "<text:span>North</text:span>")
    note = CELL.format("", "x</text:p><office:annotation><text:p>a note</text:p></office:annotation><text:p>y")
    rows = [CELL.format("", "Region") * 3, group + percent + bare, f"<table:covered-table-cell/>{note}"]
    blocks = extract("ods", make_ods("".join(f"<table:table-row>{row}</table:table-row>" for row in rows))).blocks
    assert [block.text for block in blocks] == ["Region | Region | Region\nNorth | 12,5 % | 7\nNorth | x y", "a note"]


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "columns"), [(1_048_576, 16_384), (4_000_000_000, 4_000_000_000)])
def test_a_cell_repeated_without_end_is_refused(make_ods: Callable[[str], Path], rows: int, columns: int) -> None:
    cell = CELL.format(f'table:number-columns-repeated="{columns}"', "x")
    with pytest.raises(PermanentError, match="more than 20 million characters"):
        extract("ods", make_ods(f'<table:table-row table:number-rows-repeated="{rows}">{cell}</table:table-row>'))


def test_two_cells_at_the_ends_of_a_sheet_are_read(book: Workbook, tmp_path: Path) -> None:
    book.active["A1"], book.active["XFD1048576"] = "first", "last"
    assert [block.text for block in read(book, tmp_path).blocks] == ["first\n\nlast"]


def test_a_sheet_that_cannot_be_read_becomes_a_note_and_the_others_are_kept(xlsx: Path) -> None:
    path = xlsx.with_name("broken.xlsx")
    with openpyxl.reader.excel.ZipFile(xlsx) as whole, openpyxl.reader.excel.ZipFile(path, "w") as broken:
        for name in whole.namelist():
            broken.writestr(name, b"<worksheet" if name.endswith("sheet1.xml") else whole.read(name))
    found = extract("xlsx", path)
    assert [block.headings for block in found.blocks] == [("Hours",)]
    assert found.notes[0] == "Sheet Prices could not be read."


def test_a_truncated_xls_is_called_damaged(tmp_path: Path) -> None:
    whole = (SAMPLES / "xlwt.xls").read_bytes()
    (tmp_path / "half.xls").write_bytes(whole[:600] + whole[-512:])
    with pytest.raises(PermanentError, match="damaged"):
        extract("xls", tmp_path / "half.xls")


def test_the_name_of_a_sheet_is_cut_in_headings_notes_and_errors(book: Workbook, tmp_path: Path) -> None:
    name = "long\nname" * 10_000
    book.active.append(["text"])
    book.create_sheet("Hidden").sheet_state = "hidden"
    book.save(tmp_path / "made.xlsx")
    with zipfile.ZipFile(tmp_path / "made.xlsx") as made:
        parts = {part: made.read(part) for part in made.namelist()}
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(b'"Hidden"', f'"{name}"'.encode())
    with zipfile.ZipFile(tmp_path / "made.xlsx", "w") as made:
        for part, content in parts.items():
            made.writestr(part, content)
    note = extract("xlsx", tmp_path / "made.xlsx").notes[0]
    assert len(note) < 300 and "\n" not in note
