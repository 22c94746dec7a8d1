"""Splitting a text into parts: where it is cut, and that nothing is lost."""

import time
import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from nightshift.channels import CHANNELS
from nightshift.channels.base import Part, TextLimit
from nightshift.channels.split import split

FAMILY = "👨\u200d👩\u200d👧"
LIMITS = st.builds(TextLimit, st.integers(6, 60), st.sampled_from(["characters", "bytes", "utf16", "escaped"]))
TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(" \n\r\t&<>e\u0301😀\u200d🇩🇪")))


def size(text: str, unit: str) -> int:
    """The size as the vendor counts it, computed by the standard library."""
    return {
        "characters": len(text),
        "bytes": len(text.encode()),
        "utf16": len(text.encode("utf-16-le")) // 2,
        "escaped": len(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")),
    }[unit]


def visible(text: str) -> str:
    return "".join(text.split())


@given(TEXTS, LIMITS)
def test_every_part_is_within_the_limit_none_is_blank_and_nothing_visible_is_lost(text: str, limit: TextLimit) -> None:
    pieces = split(text, limit)
    assert all(size(piece, limit.unit) <= limit.max for piece in pieces)
    assert all(piece.strip() for piece in pieces)
    assert visible("".join(pieces)) == visible(text)


@given(st.lists(st.sampled_from(["e\u0301", "n\u0303", "x", "👍🏽", "ก\u0e48"]), max_size=60), st.integers(3, 9))
def test_a_letter_keeps_its_accent_and_an_emoji_its_skin_tone(characters: list[str], most: int) -> None:
    for piece in split("".join(characters), TextLimit(most, "characters")):
        assert not unicodedata.category(piece[0]).startswith("M")
        assert piece[0] != "🏽"


CHARACTERS = {
    "decomposed Korean": unicodedata.normalize("NFD", "한국어"),
    "a conjunct of Devanagari": "क्ष",
    "Thai": "กำ",
    "Lao": "ນ້ຳ",
    "Khmer": "ក្រុមហ៊ុន",
    "a keycap": "1\ufe0f\u20e3",
    "a family": "👨\u200d👩\u200d👧\u200d👦",
    "a flag": "🇩🇪",
    "a flag of tags": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "an Arabic number sign": "\u06001",
}


@pytest.mark.parametrize("name", CHARACTERS)
def test_a_cut_divides_no_character(name: str) -> None:
    for shift in range(8):
        text = "a" * shift + CHARACTERS[name] * 100
        pieces = split(text, TextLimit(50, "characters"))
        assert "".join(pieces) == text
        assert [c for piece in pieces for c in regex.findall(r"\X", piece)] == regex.findall(r"\X", text)


@pytest.mark.parametrize(
    ("text", "most", "pieces"),
    [
        ("", 9, []),
        (" \n\t ", 9, []),
        ("  fits\n", 9, ["  fits\n"]),
        ("exactly 9", 9, ["exactly 9"]),
        # a paragraph before a line, a line before a space, a space before none
        ("aa bb\n\ncc\ndd ee", 12, ["aa bb", "cc\ndd ee"]),
        ("aa bb\n \t\ncc\ndd ee", 13, ["aa bb", "cc\ndd ee"]),
        ("aa bb\r\n\r\ncc\r\ndd", 12, ["aa bb", "cc\r\ndd"]),
        ("aa\nbb cc dd", 9, ["aa", "bb cc dd"]),
        ("aaa bbb ccc", 8, ["aaa bbb", "ccc"]),
        ("aaaaaaaaaa", 4, ["aaaa", "aaaa", "aa"]),
        # the break may stand just behind the last character that fits
        ("aaaa bbbb", 4, ["aaaa", "bbbb"]),
        ("aaaa\n\nbbbb", 4, ["aaaa", "bbbb"]),
        ("a b\n\nccc", 3, ["a b", "ccc"]),
        # the last one that fits
        ("a\n\nb\n\nc", 5, ["a\n\nb", "c"]),
        # white space at a cut is not a piece
        ("a" + " " * 50 + "b", 4, ["a", "b"]),
        (" " * 50 + "ab", 4, ["ab"]),
        ("ab" + "\n" * 50, 4, ["ab"]),
        # not at a space that says no
        ("10\u00a0km far", 6, ["10\u00a0km", "far"]),
        ("far 10\u00a0km", 7, ["far", "10\u00a0km"]),
        # not inside what is seen as one
        ("abce\u0301", 4, ["abc", "e\u0301"]),
        (f"ab{FAMILY}", 6, ["ab", FAMILY]),
        ("ab❤\ufe0f", 3, ["ab", "❤\ufe0f"]),
        ("a🇩🇪🇫🇷", 4, ["a🇩🇪", "🇫🇷"]),
        ("a🇩🇪🇫🇷", 2, ["a", "🇩🇪", "🇫🇷"]),
        # unless that alone is over the limit
        ("e" + "\u0301" * 5, 4, ["e" + "\u0301" * 3, "\u0301" * 2]),
    ],
)
def test_a_text_is_split(text: str, most: int, pieces: list[str]) -> None:
    assert split(text, TextLimit(most, "characters")) == pieces


@pytest.mark.parametrize(
    ("type_", "character", "fit"),
    [
        ("WHATSAPP", "é", 4096),
        ("TELEGRAM", "é", 4096),
        ("MESSENGER", "é", 2000),
        ("INSTAGRAM", "é", 500),
        ("INSTAGRAM", "😀", 250),
        ("SLACK", "é", 4000),
        ("SLACK", "&", 800),
        ("SLACK", "<", 1000),
        ("TWILIO", "é", 1600),
        ("TWILIO", "😀", 800),
        ("LINE", "é", 5000),
        ("LINE", "😀", 2500),
        ("DISCORD", "é", 2000),
        ("WEBHOOK", "é", 10_000),
    ],
)
def test_the_limit_of_each_vendor(type_: str, character: str, fit: int) -> None:
    limit = CHANNELS[type_].limit
    assert split(character * fit, limit) == [character * fit]
    assert split(character * (fit + 1), limit) == [character * fit, character]


def test_an_escaped_slack_text_is_within_4000_characters() -> None:
    text = "a && b <c> " * 2000
    for piece in split(text, CHANNELS["SLACK"].limit):
        sent = CHANNELS["SLACK"].call({"botToken": "x"}, Part("C1", piece, "msg_1/1", 0)).body
        assert len(sent.decode()) - len('{"channel":"C1","text":""}') <= 4000


@pytest.mark.parametrize(
    "unit_text",
    ["a", "a\n\n" + "b" * 4999, "a\n\nb\nc " + "d" * 4990, "🇩🇪", "e\u0301", "\n \n", "x\u200d", "\u0301"],
)
def test_splitting_takes_linear_time(unit_text: str) -> None:
    def seconds(characters: int) -> float:
        text = unit_text * (characters // len(unit_text))
        started = time.process_time()
        split(text, TextLimit(5000, "utf16"))
        return time.process_time() - started

    small = min(seconds(50_000) for _ in range(3))
    large = min(seconds(400_000) for _ in range(3))
    assert large < 8 * small * 3 + 0.05
