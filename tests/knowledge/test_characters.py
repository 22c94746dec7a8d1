"""Every language, in every encoding written for it, by a sentence and by a page."""

from pathlib import Path
from unicodedata import normalize

import pytest

from nightshift.knowledge.charset import as_declared
from nightshift.knowledge.text import UNCERTAIN, decode, decode_noting, is_text

BENCH = Path(__file__).parents[2] / "tools" / "bench"


def test_texts_of_all_languages_are_read_in_their_encodings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    from characters import samples

    wrong = [
        (encoding, text[:30])
        for text, encoding, data in samples()
        if normalize("NFC", decode(data)) != text or not is_text(data)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "text",
    [
        "It’s 5 o’clock. We don’t ship on Sundays.",
        "Store between 5 °C and 25 °C in a dry place.",
        "Size: 30 × 40 cm",
        "Preis: 5 €",
        "• First step\n• Second step",
    ],
)
def test_marks_alone_are_windows_1252(text: str) -> None:
    assert decode_noting(text.encode("cp1252")) == (text, [])


@pytest.mark.parametrize(
    "text",
    [
        "La garanzia è valida perché lo è.",
        "Perché non è possibile? Il caffè è già qui.",
        "Café à emporter.",
        "Ça va? Où est-ce? Déjà vu à Noël, à Genève.",
        "¿Qué pasó? Sí, está aquí.",
        "På lager. Få igen på måndag.",
    ],
)
@pytest.mark.parametrize("times", [1, 20])
def test_a_few_accents_are_no_letters_of_another_script(text: str, times: int) -> None:
    assert decode((text * times).encode("cp1252")) == text * times


def test_lines_of_two_encodings_are_each_read_in_theirs() -> None:
    line = "Prüfgebühr für Geräte\n"
    assert decode((line.encode() + line.encode("cp1252")) * 20) == line * 40
    assert decode(line.encode("cp1252") * 99 + line.encode()) == line * 100
    korean = "보증 기간은 구입일로부터 이 년입니다.\n가\n이\n" * 20
    assert decode(korean.encode("cp949")) == korean


def test_a_note_says_where_the_encoding_cannot_be_known() -> None:
    assert decode_noting("naïve".encode("cp1252"))[1] == [UNCERTAIN]
    assert decode_noting(b"Gr\xff\xc3\xbc\xc3\x9fe " + "Grüße ".encode() * 20)[1] == [UNCERTAIN]


@pytest.mark.parametrize(
    ("text", "encoding", "charset"),
    [
        ("två år från", "cp1252", "iso-8859-1"),
        ("Гарантия", "koi8-r", "KOI8-R"),
        ("รับประกัน", "cp874", "windows-874"),
        ("保証期間", "iso2022_jp", "iso-2022-jp"),
        ("warranty", "utf-16-le", "utf-16le"),
    ],
)
def test_a_declared_charset_is_believed(text: str, encoding: str, charset: str) -> None:
    assert decode(as_declared(text.encode(encoding), charset)) == text


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "nonsense", "hex", "", None])
def test_a_declared_charset_that_is_wrong_is_not(charset: str | None) -> None:
    assert decode(as_declared("Größe für 東京".encode(), charset)) == "Größe für 東京"


def test_composed_and_without_soft_hyphens() -> None:
    from nightshift.knowledge.text import clean

    assert clean("Pru\u0308fgebu\u0308hr Wert\u00adpapier\u00ad\nindex") == "Prüfgebühr Wertpapierindex"
