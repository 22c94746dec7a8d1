from pathlib import Path

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from extracted import extract

from nightshift.knowledge.extract.blocks import Block
from nightshift.knowledge.extract.counting import formatted

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
    assert blocks_of(document, tmp_path)[0].text == "Size | Price\nL | 19.90 | in stock"


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
    root = "<m:rad><m:e><m:d><m:e><m:r><m:t>x+1</m:t></m:r></m:e></m:d></m:e></m:rad>"
    add(document, f"<w:hyperlink>{run('our terms')}</w:hyperlink><m:oMath>{half}{root}</m:oMath>")
    assert blocks_of(document, tmp_path)[0].text == "our terms1/2√(x+1)"


def test_a_power_is_another_number_than_its_digits(document: docx.document.Document, tmp_path: Path) -> None:
    paragraph = document.add_paragraph("10")
    for text in ("6", " hours, the 5", "th"):
        paragraph.add_run(text).font.superscript = text != " hours, the 5"
    assert blocks_of(document, tmp_path)[0].text == "10⁶ hours, the 5th"


@pytest.mark.parametrize(
    ("count", "style", "shown"),
    [
        (3, "chineseCountingThousand", "三"),
        (20, "japaneseCounting", "二十"),
        (37, "ea1JpnChsDbPeriod", "三十七"),
        (2, "russianLower", "б"),
        (2, "russianUpper", "Б"),
        (3, "ganada", "다"),
        (5, "decimalEnclosedCircle", "⑤"),
        (21, "circleNumDbPlain", "21"),
        (2, "hebrew2", "ב"),
        (4, "lowerRoman", "iv"),
        (28, "upperLetter", "BB"),
        (7, "unheardOf", "7"),
        (0, "lowerLetter", ""),
    ],
)
def test_numbers_are_written_in_their_script(count: int, style: str, shown: str) -> None:
    assert formatted(count, style) == shown


NUMBERING = """<w:numbering {names}>
 <w:abstractNum w:abstractNumId="0">
  <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:pStyle w:val="Heading1"/><w:lvlText w:val="%1"/></w:lvl>
  <w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:pStyle w:val="Heading2"/><w:lvlText w:val="%1.%2"/></w:lvl>
 </w:abstractNum>
 <w:abstractNum w:abstractNumId="1">
  <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="Part %1:"/></w:lvl>
  <w:lvl w:ilvl="1"><w:start w:val="3"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="(%2)"/></w:lvl>
  <w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="decimalZero"/><w:isLgl/><w:lvlText w:val="%1.%2.%3"/></w:lvl>
 </w:abstractNum>
 <w:abstractNum w:abstractNumId="2"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="x"/></w:lvl></w:abstractNum>
 <w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>
 <w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
 <w:num w:numId="3"><w:abstractNumId w:val="1"/></w:num>
 <w:num w:numId="4"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="9"/></w:lvlOverride></w:num>
 <w:num w:numId="5"><w:abstractNumId w:val="2"/></w:num>
</w:numbering>"""


def numbered(document: docx.document.Document) -> None:
    """Give the document these lists; the headings have the first."""
    part = document.part.numbering_part
    part._element = parse_xml(NUMBERING.format(names=NAMESPACES))
    for level in (1, 2):
        style = document.styles[f"Heading {level}"].element.get_or_add_pPr()
        style.append(parse_xml(f'<w:numPr {NAMESPACES}><w:numId w:val="1"/></w:numPr>'))


def item(document: docx.document.Document, text: str, number: int, level: int = 0) -> None:
    properties = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
    add(document, f"<w:pPr>{properties}</w:pPr>{run(text)}")


def test_headings_and_list_items_have_the_numbers_that_word_shows(
    document: docx.document.Document, tmp_path: Path
) -> None:
    numbered(document)
    document.add_heading("Scope", 1)
    document.add_heading("Liability", 1)
    document.add_heading("Limits", 2)
    document.add_heading("Reset", 2)
    for text, number, level in [
        ("on", 2, 0),
        ("c", 2, 1),
        ("legal", 2, 2),
        ("d", 2, 1),
        ("goes on", 3, 0),
        ("begins again", 4, 0),
        ("goes on", 4, 0),
        ("bullet", 5, 0),
        ("none", 0, 0),
    ]:
        item(document, text, number, level)
    blocks = blocks_of(document, tmp_path)
    assert [block.headings for block in blocks] == [
        ("1 Scope",),
        ("2 Liability",),
        ("2 Liability", "2.1 Limits"),
        ("2 Liability", "2.2 Reset"),
    ]
    assert blocks[-1].text.split("\n\n")[1:] == [
        "Part I: on",
        "(c) c",
        "1.3.1 legal",
        "(d) d",
        "Part II: goes on",
        "Part IX: begins again",
        "Part X: goes on",
        "bullet",
        "none",
    ]


def test_symbols_form_fields_and_furigana_are_read_as_they_look(
    document: docx.document.Document, tmp_path: Path
) -> None:
    symbol = '<w:r><w:sym w:font="{}" w:char="{}"/></w:r>'
    add(
        document,
        symbol.format("Wingdings", "F0FE") + symbol.format("Wingdings", "F0A8") + symbol.format("Symbol", "F062"),
    )
    add(document, '<w:r><w:rPr><w:rFonts w:ascii="Wingdings"/></w:rPr><w:t>\u00fc</w:t></w:r>' + run("\uf0b7 point"))
    box = '<w:r><w:fldChar><w:ffData><w:checkBox><w:default w:val="{}"/>{}</w:checkBox></w:ffData></w:fldChar></w:r>'
    add(
        document,
        box.format(1, "") + box.format(0, "") + box.format(0, "<w:checked/>") + box.format(1, '<w:checked w:val="0"/>'),
    )
    entries = "".join(f'<w:listEntry w:val="{name}"/>' for name in ("Basic", "Plus"))
    field = f'<w:ffData><w:ddList><w:result w:val="1"/>{entries}</w:ddList></w:ffData>'
    add(document, f"<w:r><w:fldChar>{field}</w:fldChar></w:r>")
    add(
        document,
        f"<w:r><w:ruby><w:rt>{run('とう')}</w:rt><w:rubyBase>{run('東')}</w:rubyBase></w:ruby></w:r>{run('都')}",
    )
    assert blocks_of(document, tmp_path)[0].text.split("\n\n") == ["☑☐β", "✓• point", "[x][ ][x][ ]", "Plus", "東都"]


def test_text_hidden_by_a_style_is_left_out(document: docx.document.Document, tmp_path: Path) -> None:
    hidden = document.styles.add_style("Internal", WD_STYLE_TYPE.CHARACTER)
    hidden.font.hidden = True
    document.styles.add_style("Note", WD_STYLE_TYPE.CHARACTER).base_style = hidden
    document.styles.add_style("Draft", WD_STYLE_TYPE.PARAGRAPH).font.hidden = True
    paragraph = document.add_paragraph("shown")
    paragraph.add_run("hidden", style="Note")
    paragraph.add_run(" too", style="Note").font.hidden = False
    document.add_paragraph("hidden as a whole", style="Draft")
    assert blocks_of(document, tmp_path)[0].text == "shown too"


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("part.html", b"<h1>Rules</h1><p>Within 14 days &ndash; always.</p>", "Rules\n\nWithin 14 days – always."),
        (
            "part.mht",
            b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n--x\r\nContent-Type: text/html; "
            b"charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>14 =E2=80=93 days</p>\r\n--x--",
            "14 – days",
        ),
        ("part.txt", "Grüße".encode(), "Grüße"),
        ("part.rtf", b"{\\rtf1 hello}", ""),
    ],
)
def test_embedded_documents_are_read_in_place(
    name: str, content: bytes, text: str, document: docx.document.Document, tmp_path: Path
) -> None:
    part = docx.opc.part.Part(docx.opc.packuri.PackURI(f"/word/{name}"), "text/html", content, document.part.package)
    key = document.part.relate_to(part, f"{docx.opc.constants.RELATIONSHIP_TYPE.STYLES.rpartition('/')[0]}/aFChunk")
    document.add_paragraph("before")
    chunk = '<w:altChunk xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" {} r:id="{}"/>'
    document.element.body.insert(-1, parse_xml(chunk.format(NAMESPACES, key)))
    document.add_paragraph("after")
    document.save(tmp_path / "made.docx")
    found = extract("docx", tmp_path / "made.docx")
    words = "\n\n".join(block.text for block in found.blocks)
    assert words == "\n\n".join(filter(None, ("before", text, "after")))
    assert bool(found.notes) == (not text)


def test_a_table_knows_its_column_names_and_every_row_of_a_merged_cell_its_text(
    document: docx.document.Document, tmp_path: Path
) -> None:
    table = document.add_table(4, 3)
    for row, texts in zip(
        table.rows, (["Region", "Price", ""], ["", "Net", "Gross"], ["North", "9", "10"], ["", "14", "16"]), strict=True
    ):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    table.cell(0, 1).merge(table.cell(0, 2)).text = "Price"
    table.cell(2, 0).merge(table.cell(3, 0)).text = "North"
    for row in table.rows[:2]:
        row._tr.get_or_add_trPr().append(parse_xml(f"<w:tblHeader {NAMESPACES}/>"))
    block = blocks_of(document, tmp_path)[0]
    assert block.columns == "Region | Price | Price\n | Net | Gross"
    assert block.text == f"{block.columns}\nNorth | 9 | 10\nNorth | 14 | 16"
