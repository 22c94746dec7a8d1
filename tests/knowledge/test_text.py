from itertools import groupby
from unicodedata import combining, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.knowledge.text import clean, decode, is_text

ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.text("a \r\n\t\0\f\x85\ud800\ufffe\uffff")


@given(ANY_TEXT)
def test_clean_text_is_what_postgres_accepts_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert not [c for c in cleaned if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 or c in "\ufffe\uffff"]
    assert clean(cleaned) == cleaned


def test_no_run_of_marks_is_so_long_that_normalizing_takes_for_ever() -> None:
    cleaned = clean("e" + "\u0301\u0323" * 5_000)
    assert len(cleaned) > 10_000
    assert max(len(list(run)) for is_mark, run in groupby(cleaned, lambda c: combining(c) > 0) if is_mark) <= 30
    assert clean("e" + "\u0301" * 30) == "é" + "\u0301" * 29


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Cf")) | st.sampled_from("\n\t")))
def test_clean_leaves_ordinary_text_alone(text: str) -> None:
    assert clean(text) == normalize("NFC", text)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\0b\x07c\x7f", "abc"),
        ("a\ud83db", "ab"),
        ("one\r\ntwo\rthree\ffour", "one\ntwo\nthree\nfour"),
        ("adip\ufffeiscing", "adipiscing"),
        ("adip\ufffe\r\niscing", "adipiscing"),
        ("tab\tand\n\nblank", "tab\tand\n\nblank"),
    ],
)
def test_clean_examples(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.binary())
def test_any_bytes_decode(data: bytes) -> None:
    clean(decode(data)).encode("utf-8")


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\ufeff\0")))
def test_text_with_a_byte_order_mark_is_decoded(text: str) -> None:
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        assert decode(text.encode(encoding)) == text
    assert decode(b"\xfe\xff" + text.encode("utf-16-be")) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Grüße aus Köln. Die Rückgabe ist möglich, wenn die Ware unbeschädigt zurückkommt. " * 3, "cp1252"),
        ("名前,年齢,住所\n佐藤太郎,30,東京\n三木英子,25,大阪\n", "cp932"),
        ("Возврат товара возможен в течение тридцати дней после покупки. " * 3, "cp1251"),
    ],
)
def test_an_encoding_without_a_byte_order_mark_is_guessed(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text
    assert is_text(text.encode(encoding))


def test_the_guess_looks_where_the_text_is_not_ascii() -> None:
    text = "plain line\n" * 20_000 + "Возврат товара возможен в течение тридцати дней.\n" * 5
    assert decode(text.encode("cp1251")) == text


def test_a_broken_byte_does_not_spoil_a_utf_8_file() -> None:
    assert decode("Größe ".encode() * 20 + b"\xff end") == "Größe " * 20 + "\ufffd end"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", True),
        (b"name,price\nlamp,3\n", True),
        (b"x" * 65_535 + "é".encode(), True),
        ("Grüße".encode("utf-16"), True),
        ("Grüße".encode("utf-32"), True),
        ("control \x01 in Größe".encode(), True),
        (b"plain\0text", False),
        (b"\xef\xbb\xbfmarked\0text", False),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", False),
        (b"\x1f\x8b\x08\x08abcdefgh", False),
        (b"\xff\xfe\x00\xdc\x00\xdc", False),
    ],
)
def test_text_is_distinguished_from_binary(head: bytes, expected: bool) -> None:
    assert is_text(head) is expected
