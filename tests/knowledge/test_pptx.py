from pathlib import Path

import pytest
from extracted import extract
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.oxml.ns import qn
from pptx.presentation import Presentation as Deck
from pptx.slide import Slide

from nightshift.knowledge.extract.blocks import Block

TITLE_AND_CONTENT, BLANK = 1, 6


@pytest.fixture
def deck() -> Deck:
    return Presentation()


def slide(deck: Deck, title: str, *lines: str) -> Slide:
    made = deck.slides.add_slide(deck.slide_layouts[TITLE_AND_CONTENT])
    made.shapes.title.text = title
    made.placeholders[1].text = "\n".join(lines)
    return made


def blocks_of(deck: Deck, path: Path) -> list[Block]:
    deck.save(path / "made.pptx")
    return extract("pptx", path / "made.pptx").blocks


def test_a_slide_becomes_a_page_with_its_title_as_heading(deck: Deck, tmp_path: Path) -> None:
    slide(deck, "Returns", "Within 30 days", "Free of charge")
    deck.slides.add_slide(deck.slide_layouts[BLANK])
    slide(deck, "Hours", "Nine to five")
    assert blocks_of(deck, tmp_path) == [
        Block("Returns\nWithin 30 days\nFree of charge", 1, ("Returns",)),
        Block("Hours\nNine to five", 3, ("Hours",)),
    ]


def test_slides_are_in_the_order_of_the_presentation(deck: Deck, tmp_path: Path) -> None:
    slide(deck, "made first")
    slide(deck, "made second")
    order = deck.slides._sldIdLst
    order.append(order[0])
    assert [(block.page, block.text) for block in blocks_of(deck, tmp_path)] == [(1, "made second"), (2, "made first")]


def test_the_speaker_s_notes_are_a_block_of_their_own(deck: Deck, tmp_path: Path) -> None:
    slide(deck, "Returns").notes_slide.notes_text_frame.text = "Mention the exception."
    assert blocks_of(deck, tmp_path)[1:] == [Block("Mention the exception.", 1, ("Returns", "Notes"))]


def test_tables_groups_and_charts_are_read(deck: Deck, tmp_path: Path) -> None:
    shapes = deck.slides.add_slide(deck.slide_layouts[BLANK]).shapes
    table = shapes.add_table(2, 2, 0, 0, 99, 9).table
    for cell, text in zip(table.iter_cells(), ["Size", "Price", "L", "19.90"], strict=True):
        cell.text = text
    shapes.add_group_shape().shapes.add_textbox(0, 20, 9, 9).text_frame.text = "in a group"
    data = CategoryChartData(number_format="0.0%")
    data.categories = ["Q1", "Q2"]
    data.add_series("Sales", [0.03, 0.045])
    chart = shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 40, 99, 99, data).chart
    chart.chart_title.text_frame.text = "A good year"
    table, rest = [block for block in blocks_of(deck, tmp_path) if block.text]
    assert (table.text, table.columns) == ("Size | Price\nL | 19.90", "Size | Price")
    assert rest.text.split("\n") == ["in a group", "A good year", "Sales | Q1 | Q2 | 3.0% | 4.5%"]


def test_shapes_are_read_from_top_to_bottom_and_column_by_column(deck: Deck, tmp_path: Path) -> None:
    shapes = slide(deck, "Support").shapes
    places = {
        "Gold": (0, 30),
        "in an hour": (0, 40),
        "Bronze": (60, 30),
        "in a day": (60, 40),
        "All levels": (0, 20),
        "Terms": (0, 60),
    }
    for text, (left, top) in reversed(places.items()):
        width = 100 if top in (20, 60) else 40
        shapes.add_textbox(left, top + 9_000_000, width, 8).text_frame.text = text
    assert blocks_of(deck, tmp_path)[0].text.split("\n") == [
        "Support", "All levels", "Gold", "in an hour", "Bronze", "in a day", "Terms",
    ]  # fmt: skip


def test_texts_beside_labels_are_read_row_by_row(deck: Deck, tmp_path: Path) -> None:
    shapes = deck.slides.add_slide(deck.slide_layouts[BLANK]).shapes
    for number, (label, text) in enumerate([("Bronze", "three days"), ("Gold", "an hour")]):
        shapes.add_textbox(0, 20 * number, 20, 9).text_frame.text = label
        shapes.add_textbox(30, 20 * number, 60, 9).text_frame.text = text
    assert blocks_of(deck, tmp_path)[0].text.split("\n") == ["Bronze", "three days", "Gold", "an hour"]


def test_columns_of_hebrew_are_read_from_the_right(deck: Deck, tmp_path: Path) -> None:
    shapes = deck.slides.add_slide(deck.slide_layouts[BLANK]).shapes
    for left, text in ((0, "שני"), (50, "ראשון")):
        paragraph = shapes.add_textbox(left, 0, 40, 9).text_frame.paragraphs[0]
        paragraph.text = text
        paragraph._p.get_or_add_pPr().set("rtl", "1")
    assert blocks_of(deck, tmp_path)[0].text == "ראשון\nשני"


def test_paragraphs_have_the_numbers_that_powerpoint_shows(deck: Deck, tmp_path: Path) -> None:
    frame = slide(deck, "Steps", "Open", "long", "hard", "Close", "pause", "Again").placeholders[1].text_frame
    kinds = ["arabicPeriod", "alphaLcParenR", "alphaLcParenR", "arabicPeriod", "", "romanUcParenBoth"]
    for paragraph, kind, level in zip(frame.paragraphs, kinds, (0, 1, 1, 0, 0, 0), strict=True):
        paragraph.level = level
        if kind:
            properties = paragraph._p.get_or_add_pPr()
            properties.append(properties.makeelement(qn("a:buAutoNum"), {"type": kind}))
    lines = "Steps\n1. Open\na) long\nb) hard\n2. Close\npause\n(I) Again"
    assert blocks_of(deck, tmp_path)[0].text == lines


def test_a_hidden_slide_is_left_out_with_a_note(deck: Deck, tmp_path: Path) -> None:
    slide(deck, "Internal")._element.set("show", "0")
    slide(deck, "Public")
    deck.save(tmp_path / "made.pptx")
    found = extract("pptx", tmp_path / "made.pptx")
    assert [(block.page, block.text) for block in found.blocks] == [(2, "Public")]
    assert found.notes == ["Slide 1 is hidden and was left out."]
