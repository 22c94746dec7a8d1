import time
from pathlib import Path

import pytest
from extracted import Extracted, extract

from nightshift.errors import PermanentError
from nightshift.knowledge.extract.blocks import Block, sections
from nightshift.knowledge.extract.web.html import paragraphs

ARTICLE = (
    "<html><head><title>Shop</title></head><body><nav><a>Home</a><a>Cart</a></nav><main><article><h1>Returns</h1>"
    + "<p>You can send back what you bought within 30 days, and we pay for the parcel. "
    + "Write to us first, so that we know what to expect and when it will come. "
    + "Money arrives within a week.</p><h2>Sizes</h2><table><tr><th>Size</th><th>Price</th></tr>"
    + "<tr><td>L</td><td>19.90</td></tr></table></article></main><footer>Imprint and cookies</footer></body></html>"
)


def blocks_of(html: str) -> list[Block]:
    return [block for block in sections(paragraphs(html)) if block.text]


def read(kind: str, page: str | bytes, path: Path) -> Extracted:
    (path / "page").write_bytes(page if isinstance(page, bytes) else page.encode())
    return extract(kind, path / "page")


def test_a_page_becomes_one_block_for_each_heading() -> None:
    page = "<h1>Returns</h1>Within <b>30</b> days<h3>Refunds</h3><p>in\na week<h2>H<i>ou</i>rs</h2><div>9<div>to 5</div></div>"
    assert blocks_of(page) == [
        Block("Returns\n\nWithin 30 days", headings=("Returns",)),
        Block("Refunds\n\nin a week", headings=("Returns", "Refunds")),
        Block("Hours\n\n9\n\nto 5", headings=("Returns", "Hours")),
    ]


@pytest.mark.parametrize(
    "unseen",
    [
        "<script>x</script>",
        "<style>x</style>",
        "<noscript><p>x</p></noscript>",
        "<template><p>x</p></template>",
        "<p hidden>x <b>y</b></p>",
        "<div style='color: red; DISPLAY : none'><p>x</p></div>",
        "<p style='visibility:hidden'>x</p>",
        "<!-- x -->",
        "<iframe>x</iframe>",
    ],
)
def test_hidden_text_is_left_out(unseen: str) -> None:
    assert blocks_of(f"<body>before{unseen}after</body>")[0].text.replace("\n\n", "") == "beforeafter"


def test_lists_and_line_breaks_are_lines_and_words_stay_whole() -> None:
    page = "<ul><li>one</li><li>t<b>w</b>o</li></ul>a<br>b<dl><dt>term<dd>meaning</dl><a>Docs</a><a>API</a><a>s</a>"
    assert blocks_of(page)[0].text == "one\ntwo\n\na\nb\n\nterm\nmeaning\n\nDocs API s"


def test_preformatted_text_keeps_its_form() -> None:
    assert blocks_of("<p>a  b</p><pre>if x:\n\n    y()\n</pre><p>c  d")[0].text == "a b\n\nif x:\n\n    y()\n\nc d"


def test_a_table_becomes_one_line_for_each_row() -> None:
    page = "<table><caption>Prices</caption><tr><th>Size<th>Price<th></tr><tr><td><p>L</p><td>19<br>90<td></td></tr></table>end"
    assert [(block.text, block.columns) for block in blocks_of(page)] == [
        ("Prices", None), ("Size | Price\nL | 19 90", "Size | Price"), ("end", None),
    ]  # fmt: skip


def test_every_row_and_column_of_a_merged_cell_has_its_text() -> None:
    head = "<thead><tr><th rowspan=2>Region<th colspan=2>Price</tr><tr><th>Net<th>Gross</tr></thead>"
    north = "<tr><th rowspan=2>North<td>9<td>10</tr><tr><td>14<td>16</tr>"
    [table] = blocks_of(f"<table>{head}{north}<tr><td colspan=3>Islands</td></tr><tr><td>Sylt<td>3<td>4</tr></table>")
    assert table.columns == "Region | Price | Price\nRegion | Net | Gross"
    assert table.text == f"{table.columns}\nNorth | 9 | 10\nNorth | 14 | 16\nIslands\nSylt | 3 | 4"


def test_a_tick_in_a_table_is_read_and_the_corner_may_be_empty() -> None:
    yes, no = "<img src=a.svg alt=Yes>", "<i class='fa fa-times'></i>"
    page = "<table><tr><td><td></tr><tr><td></td><th>Basic<th>Plus</tr>"
    page += f"<tr><th>API<td>{no}<td>{yes}</tr><tr><th>Users<td>1<td>{yes}5</tr></table>"
    [table] = blocks_of(page)
    assert (table.text, table.columns) == (" | Basic | Plus\nAPI | ✗ | Yes\nUsers | 1 | 5".strip(), "| Basic | Plus")


def test_a_cell_that_spans_more_than_its_table_is_cut() -> None:
    page = (
        "<table><tr><th>Item<th>Price</tr><tr><td>Lamp<td colspan=100>9</tr><tr><td rowspan=65000>Sum<td>9</tr></table>"
    )
    assert blocks_of(page)[0].text == "Item | Price\nLamp | 9 | 9\nSum | 9"
    begun = time.process_time()
    assert blocks_of("<table>" + "<tr>" + "<td rowspan=999 colspan=999>x" * 300 + "</table>")
    assert time.process_time() - begun < 10  # 0.3 s


def test_the_items_of_a_list_have_the_numbers_that_a_browser_shows() -> None:
    page = "<ol><li><p>Open</p><li>Press<ul><li>hard</ul><ol type=a><li>long</ol></ol>See 2."
    page += "<ol start=3 reversed><li>x<li value=9>y</ol>"
    assert blocks_of(page)[0].text.replace("\n\n", "\n") == "1. Open\n2. Press\nhard\na. long\nSee 2.\n3. x\n9. y"
    menu = "<ol class=breadcrumb><li>Home<li>Shop</ol><ol style='list-style: none'><li>a</ol><nav><ol><li>b</ol></nav>"
    assert "1." not in blocks_of(menu)[0].text


def test_powers_and_fractions_are_other_numbers_than_their_digits() -> None:
    formula = "<math><mfrac><mi>a</mi><mn>2</mn></mfrac><msqrt><mi>b</mi></msqrt></math>"
    assert (
        blocks_of(f"10<sup>6</sup> in 5<sup>th</sup>, 9 EUR<sup> 1</sup>, {formula}")[0].text
        == "10⁶ in 5th, 9 EUR ¹, a/2√b"
    )


def test_headings_by_role_and_without_the_sign_of_their_links() -> None:
    page = (
        "<h1>Help</h1><span role=heading aria-level=2>Returns<a href='#r'>¶</a></span>in 30 days <a href='#x'>Top</a>"
    )
    assert blocks_of(page)[1] == Block("Returns\n\nin 30 days Top", headings=("Help", "Returns"))


def test_a_layout_table_does_not_hide_headings_or_tables() -> None:
    inner = "<h1>Returns</h1><p>a<p>b<table><tr><td>L<td>19.90</tr></table>"
    assert blocks_of(f"<table><tr><td>menu</td><td>{inner}</td></tr></table>end") == [
        Block("menu"),
        Block("Returns\n\na\n\nb", headings=("Returns",)),
        Block("L | 19.90", headings=("Returns",), columns=""),
        Block("end", headings=("Returns",)),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "shift_jis", "iso-8859-5"])
def test_a_page_is_read_in_the_encoding_it_names(tmp_path: Path, encoding: str) -> None:
    text = {"shift_jis": "返品は三十日以内にお願いします。", "iso-8859-5": "Возврат в течение тридцати дней"}.get(
        encoding, "Größe"
    )
    page = f'<!doctype html><meta charset="{encoding}"><p>{text}</p>'.encode(encoding)
    assert read("html", page, tmp_path).blocks[0].text == text


def test_a_page_that_nests_without_end_is_read(tmp_path: Path) -> None:
    assert read("html", "<div>" * 20_000 + "deep", tmp_path).blocks == [Block("deep")]


def test_only_the_main_text_of_a_web_page_is_kept(tmp_path: Path) -> None:
    found = read("webpage", ARTICLE, tmp_path).blocks
    assert [block.headings for block in found] == [("Returns",), ("Returns", "Sizes"), ("Returns", "Sizes")]
    assert "within 30 days" in found[0].text
    assert found[2].text == "Size | Price\nL | 19.90"
    assert not any(word in block.text for block in found for word in ("Cart", "cookies"))


def test_an_uploaded_page_keeps_everything(tmp_path: Path) -> None:
    text = "\n".join(block.text for block in read("html", ARTICLE, tmp_path).blocks)
    assert all(words in text for words in ("Home Cart", "within 30 days", "L | 19.90", "Imprint and cookies"))


def test_a_web_page_without_a_main_text_is_read_whole(tmp_path: Path) -> None:
    assert read("webpage", "<footer>ACME Street 5</footer>", tmp_path).blocks == [Block("ACME Street 5")]


@pytest.mark.parametrize(
    "body",
    [
        '<div id="root"></div><noscript>Enable it.</noscript>',
        '<div id="root"><div class="spinner">Loading...</div></div>',
        "<app-root>Loading the application</app-root>",
        "<p>Redirecting…</p>",
        "<p>You need to enable JavaScript to run this app.</p>",
        '<header><a href="/">Acme</a> <b>Welcome</b></header><div id="__next"></div>',
        "<h1>Just a moment...</h1><p>Checking your browser before accessing example.com.</p>",
        '<div class="consent"><p>Wir verwenden Cookies und ähnliche Technologien.</p><button>OK</button></div>',
    ],
)
def test_a_page_that_waits_for_its_script_or_for_consent_is_refused(tmp_path: Path, body: str) -> None:
    with pytest.raises(PermanentError, match="no text without JavaScript"):
        read("webpage", f'<html><body>{body}<script src="app.js"></script></body></html>', tmp_path)


@pytest.mark.parametrize(
    "text",
    ["Our JavaScript course costs 90 EUR.", "Loading dock: 9 to 17.", "Cookies with nuts: 3 EUR.", "ACME Street 5"],
)
def test_a_short_page_with_a_script_is_read(tmp_path: Path, text: str) -> None:
    assert read("webpage", f"<html><body><p>{text}</p><script>1</script></body></html>", tmp_path).blocks == [
        Block(text)
    ]


def test_an_empty_page_contains_no_text(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="contains no text"):
        read("webpage", "<html><body></body></html>", tmp_path)


def test_a_form_is_read_with_what_it_shows() -> None:
    page = (
        "<label>Order <input value='ORD-77'></label><ul><li><input type=checkbox checked> Express</li><li>"
        "<input type=checkbox> Gift</li></ul><input type=password value=secret><input type=hidden value=secret>"
        "<select><option>Basic<option selected>Plus</select><textarea>By noon</textarea>"
    )
    text = blocks_of(page)[0].text
    assert text == "Order ORD-77\n\n[x] Express\n[ ] Gift\n\nPlus\n\nBy noon"


def test_ruby_is_read_without_its_reading_and_words_without_soft_hyphens() -> None:
    page = "<p><ruby>東京<rp>(</rp><rt>とうきょう</rt><rp>)</rp></ruby>は Wert&shy;papier"
    assert blocks_of(page)[0].text == "東京は Wertpapier"


@pytest.mark.slow
@pytest.mark.parametrize(
    "nested",
    [
        "<ul><li>",
        "<div>",
        "<dd><li>",
        "<li>",
        "<details><summary>a</summary>",
        "<b>",
        "<table><tr><td>",
        "<x-a><div hidden>",
    ],
)
def test_nesting_takes_time_in_proportion(nested: str) -> None:
    begun = time.process_time()
    blocks_of(nested * 30_000 + "deep")
    assert time.process_time() - begun < 20  # 0.5 s; the parser alone took 27 s for 100,000 and its time is quadratic
    assert len(blocks_of("<ul><li>x" * 2000)[0].text.split()) == 2000


def test_only_the_comment_box_and_the_menu_beside_a_text_are_dropped(tmp_path: Path) -> None:
    text = "You can return any item within thirty days after you received it, as long as it is unused and complete. "
    page = (
        f"<html><body><header><h1>Reset</h1></header><main><article><p>{text * 3}</p><aside class=tip><p>Tip: back up first."
        "</aside><section class=related-steps><h2>Steps</h2><ol><li>Open settings</ol></section><figure><figcaption>"
        f"Your chest</figcaption></figure><p>{text * 2}</p><ul class=share><li>Post it</ul></article>"
        "<div class=comments><p>Bob: thanks!</div></main></body></html>"
    )
    found = "\n".join(block.text for block in read("webpage", page, tmp_path).blocks)
    assert all(words in found for words in ("Reset", "Tip: back up", "Open settings", "Your chest"))
    assert not any(words in found for words in ("Bob", "Post it"))
