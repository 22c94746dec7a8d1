import pytest

from nightshift.graphemes import last_boundary

COUPLE, FLAG = "\U0001f469\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f468", "\U0001f1e9\U0001f1ea"
CHARACTERS = {
    "emoji with joiners": COUPLE,
    "flag": FLAG,
    "skin tone": "\U0001f44d\U0001f3fd",
    "keycap": "1\ufe0f\u20e3",
    "accents": "e\u0301\u0323",
    "Thai": "น้ำ",
    "Lao": "ນ້ຳ",
    "Khmer": "ស្ត្រី",
    "Devanagari": "स्त्री",
    "Korean": "\u1112\u1161\u11ab",
    "Japanese": "か\u3099",
    "variation": "葛\U000e0100",
}


@pytest.mark.parametrize("character", CHARACTERS.values(), ids=CHARACTERS.keys())
def test_no_cut_falls_inside_a_character(character: str) -> None:
    text = character * 5
    starts = {number * len(character) for number in range(6)}
    for end in range(len(character), len(text)):
        assert last_boundary(text, 0, end) in starts
        assert last_boundary(text, 0, end) > end - len(character)


def test_a_character_longer_than_the_limit_is_cut_at_the_limit() -> None:
    assert last_boundary("e" + "\u0301" * 50, 0, 10) == 10


def test_what_has_only_letters_is_cut_at_the_limit() -> None:
    assert last_boundary("x" * 50, 3, 20) == 20
    assert last_boundary("字" * 50, 3, 20) == 20
