from pathlib import Path

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml

from nightshift.knowledge.extract import extract
from nightshift.knowledge.extract.blocks import Block

NAMESPACES = " ".join(
    f'xmlns:{prefix}="{address}"'
    for prefix, address in {
        "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
        "v": "urn:schemas-microsoft-com:vml",
        "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    }.items()
)


@pytest.fixture
def document() -> docx.document.Document:
    return docx.Document()


def blocks_of(document: docx.document.Document, path: Path) -> list[Block]:
    document.save(path / "made.docx")
    return extract("docx", path / "made.docx").blocks


def add(document: docx.document.Document, content: str) -> None:
    """A paragraph of this WordprocessingML, which python-docx cannot write."""
    document.element.body.insert(-1, parse_xml(f"<w:p {NAMESPACES}>{content}</w:p>"))


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


def test_a_document_becomes_one_block_for_each_heading_in_reading_order(
    document: docx.document.Document, tmp_path: Path
) -> None:
    document.add_heading("Handbook", 0)
    document.add_paragraph("Welcome.")
    document.add_heading("Returns", 1)
    document.add_heading("Refunds", 2)
    document.add_paragraph("Within ").add_run("30 days").bold = True
    document.add_heading("Hours", 1)
    document.add_paragraph("Nine to five.")
    assert blocks_of(document, tmp_path) == [
        Block("Handbook\n\nWelcome.", headings=("Handbook",)),
        Block("Returns", headings=("Handbook", "Returns")),
        Block("Refunds\n\nWithin 30 days", headings=("Handbook", "Returns", "Refunds")),
        Block("Hours\n\nNine to five.", headings=("Handbook", "Hours")),
    ]


def test_a_custom_style_is_a_heading_by_the_style_it_is_based_on(
    document: docx.document.Document, tmp_path: Path
) -> None:
    style = document.styles.add_style("Kapitel", WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = document.styles["Heading 1"]
    document.add_paragraph("Lieferung", style="Kapitel")
    add(document, f'<w:pPr><w:outlineLvl w:val="1"/></w:pPr>{run("Ausland")}')
    add(document, f'<w:pPr><w:pStyle w:val="Kapitel"/><w:outlineLvl w:val="9"/></w:pPr>{run("No heading")}')
    assert [block.headings for block in blocks_of(document, tmp_path)] == [("Lieferung",), ("Lieferung", "Ausland")]


def test_a_table_becomes_one_line_for_each_row_with_nested_tables_in_place(
    document: docx.document.Document, tmp_path: Path
) -> None:
    table = document.add_table(2, 3)
    for cell, text in zip(table._cells, ["Size", "Price", "", "L", "", "in\nstock"], strict=True):
        cell.text = text
    table.cell(1, 1).add_table(1, 2).cell(0, 1).text = "19.90"
    assert blocks_of(document, tmp_path)[0].text == "Size | Price\nL | | 19.90 | in stock"


def test_a_layout_table_does_not_hide_headings(document: docx.document.Document, tmp_path: Path) -> None:
    cell = document.add_table(1, 1).cell(0, 0)
    cell.add_paragraph("Returns", style="Heading 1")
    cell.add_paragraph("Within 30 days")
    assert blocks_of(document, tmp_path) == [Block("Returns\n\nWithin 30 days", headings=("Returns",))]


def test_headers_and_footers_are_read_once(document: docx.document.Document, tmp_path: Path) -> None:
    document.add_section()
    for section in document.sections:
        section.header.is_linked_to_previous = section.footer.is_linked_to_previous = False
        section.header.paragraphs[0].text = "ACME"
        section.footer.paragraphs[0].text = "Confidential"
    document.add_paragraph("Body")
    assert blocks_of(document, tmp_path)[0].text == "ACME\n\nBody\n\nConfidential"


def test_a_text_box_is_read_once_after_its_paragraph(document: docx.document.Document, tmp_path: Path) -> None:
    box = f"<w:txbxContent><w:p>{run('boxed')}</w:p></w:txbxContent>"
    old = f"<w:pict><v:shape><v:textbox>{box}</v:textbox></v:shape></w:pict>"
    add(
        document,
        f"<w:r><mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{old}</mc:Fallback>"
        f"</mc:AlternateContent></w:r>{run('beside')}",
    )
    add(document, f"<w:r>{old}</w:r>")
    assert blocks_of(document, tmp_path)[0].text == "beside\n\nboxed\n\nboxed"


def test_footnotes_follow_the_paragraph_that_refers_to_them(document: docx.document.Document, tmp_path: Path) -> None:
    refer = '<w:r><w:footnoteReference w:id="{}"/></w:r>'
    notes = "".join(  # which refer to themselves
        f'<w:footnote w:id="{number}"><w:p>{run(text)}{refer.format(number)}</w:p></w:footnote>'
        for number, text in enumerate("ab")
    )
    part = docx.opc.part.Part(
        docx.opc.packuri.PackURI("/word/footnotes.xml"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml",
        f"<w:footnotes {NAMESPACES}>{notes}</w:footnotes>".encode(),
        document.part.package,
    )
    document.part.relate_to(part, docx.opc.constants.RELATIONSHIP_TYPE.FOOTNOTES)
    add(document, run("one") + refer.format(1))
    add(document, run("two") + refer.format(0))
    assert blocks_of(document, tmp_path)[0].text == "one\n\nb\n\ntwo\n\na"


def test_hidden_text_is_left_out(document: docx.document.Document, tmp_path: Path) -> None:
    add(
        document,
        f"{run('se<!-- note -->en')}<w:del>{run('deleted')}</w:del><w:moveFrom>{run('moved')}</w:moveFrom>"
        f"<w:ins>{run(' new')}</w:ins>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>"
        '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:tab/><w:t>shown</w:t><w:br/><w:t>below</w:t></w:r>',
    )
    assert blocks_of(document, tmp_path)[0].text == "seen new\tshown\nbelow"


def test_links_and_formulas_are_read(document: docx.document.Document, tmp_path: Path) -> None:
    half = "<m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>"
    add(document, f"<w:hyperlink>{run('our terms')}</w:hyperlink><m:oMath>{half}</m:oMath>")
    assert blocks_of(document, tmp_path)[0].text == "our terms1/2"
