from pathlib import Path

import pytest
from extracted import extract

from nightshift.errors import PermanentError


def text_of(data: str | bytes, path: Path) -> str:
    (path / "made.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
    return extract("csv", path / "made.csv").blocks[0].text


@pytest.mark.parametrize(
    "data",
    [
        "name,note\nAnn,a; b\n\nBob,c\n",
        "name;note\nAnn;a; b\nBob;c\n".replace("a; b", '"a; b"'),
        "name\tnote\r\nAnn\ta; b\r\nBob\tc\r\n",
        'name|note\nAnn|"a; b"\nBob|c',
    ],
)
def test_rows_become_lines_whatever_separates_the_cells(tmp_path: Path, data: str) -> None:
    assert text_of(data, tmp_path) == "name | note\nAnn | a; b\nBob | c"


def test_decimal_commas_are_no_delimiters(tmp_path: Path) -> None:
    assert text_of("1,5;2,5\n3,5;4,5\n", tmp_path) == "1,5 | 2,5\n3,5 | 4,5"


def test_a_quoted_cell_may_hold_everything(tmp_path: Path) -> None:
    assert text_of('a,"b, ""c""\nd"\ne,f', tmp_path) == 'a | b, "c" d\ne | f'


def test_a_quote_that_never_ends_loses_nothing(tmp_path: Path) -> None:
    assert text_of('a,"b\nc,d\n' + "e" * 200_000, tmp_path).endswith("b c,d " + "e" * 200_000)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "shift_jis"])
def test_any_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    rows = "名前,年齢,住所\n佐藤太郎,30,東京\n三木英子,25,大阪\n"
    assert text_of(rows.encode(encoding), tmp_path) == "名前 | 年齢 | 住所\n佐藤太郎 | 30 | 東京\n三木英子 | 25 | 大阪"


@pytest.mark.slow
def test_a_million_empty_cells_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="contains no text"):
        text_of("," * 1_000_000, tmp_path)


@pytest.mark.parametrize(
    ("data", "above", "table"),
    [
        ("Umsatz vom 02.01.\n\nArtikel;Preis\nKabel;12,50\n", "Umsatz vom 02.01.", "Artikel | Preis\nKabel | 12,50"),
        (
            "# exported\n# by tool\nid;price\n1;2,50\n2;3,75\n",
            "# exported\n# by tool",
            "id | price\n1 | 2,50\n2 | 3,75",
        ),
        ("sep=;\nArtikel;Preis\nKabel;12,50\n", "", "Artikel | Preis\nKabel | 12,50"),
        ("a\nb\nc\n", "", "a\nb\nc"),
        (
            "Konto;DE12\nStand;2.1.\n\nTag;Text;Betrag\n1;a;2,50\n",
            "Konto | DE12\nStand | 2.1.",
            "Tag | Text | Betrag\n1 | a | 2,50",
        ),
        ("by:,Ann\na,b,c,d\n1,2,3,4\n5,6,7,8\n", "by: | Ann", "a | b | c | d\n1 | 2 | 3 | 4\n5 | 6 | 7 | 8"),
        ("a,b\n1,2,3\n4,5,6\n", "", "a | b\n1 | 2 | 3\n4 | 5 | 6"),
        ('Zip,Name\n="01067",Ann\n"=""007""",Bo\n', "", "Zip | Name\n01067 | Ann\n007 | Bo"),
    ],
)
def test_the_table_begins_at_its_column_names(tmp_path: Path, data: str, above: str, table: str) -> None:
    (tmp_path / "made.csv").write_text(data)
    blocks = extract("csv", tmp_path / "made.csv").blocks
    assert [(block.text, block.columns) for block in blocks if block.columns is None] == [(above, None)] * bool(above)
    assert (blocks[-1].text, blocks[-1].columns) == (table, table.partition("\n")[0])
