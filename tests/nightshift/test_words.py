"""The words of a passage and of a question are the same, however they were typed."""

import pytest

from nightshift.knowledge.question import Question
from nightshift.words import Words, counts, hash_of


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("The display shows E-4231.", "e4231"),
        ("The display shows E4231.", "E-4231"),
        ("The display shows E 4231.", "4231"),
        ("The display shows E–4231.", "E\u20114231"),
        ("Ｅ－４２３１を参照", "E-4231"),
        ("コードE-4231が出ます", "E-4231"),
        ("显示代码E-4231。", "e-4231"),
        ("หน้าจอแสดงรหัสE-4231 สาเหตุ", "E-4231"),
        ("화면에 E-4231이 나타납니다", "E-4231"),
        ("הקוד E-4231 מופיע", "E-4231"),
        ("الرمز ٤٢٣١", "4231"),
        ("Gro\u0308\u00dfe und Fu\u0308\u00dfe", "größe füsse"),
        ("Wert\u00adpapier", "Wertpapier"),
        ("long-term care", "longterm"),
        ("longterm care", "long-term"),
        ("İstanbul ofisi", "İSTANBUL"),
        ("購入日から二年間の保証", "保証"),
        ("担当は小笠原です", "小笠原"),
        ("1,234.50 EUR", "1,234.50"),
        ("1,234,567 EUR", "1234567"),
        ("1.234.567,00 EUR", "1234567"),
        ("İstanbul ofisi", "istanbul"),
        ("O’Neil", "o'neil"),
        ("AB-4711² in the list", "AB-4711"),
        ("80 m² of floor", "m2"),
    ],
)
def test_a_word_is_found_however_it_is_typed(written: str, asked: str) -> None:
    find = Words("simple")
    assert set(find(asked)) & set(find(written)) or set(find(asked)) <= set(find(written))


def test_a_number_with_a_point_is_not_the_one_without() -> None:
    assert "3.5" in Words("simple")("version 3.5") and "35" not in Words("simple")("version 3.5")


def test_forms_of_a_word_are_one_where_the_language_has_a_stemmer() -> None:
    assert Words("german")("Häuser Haus") == ["haus", "haus"]
    assert Words("polish")("umowa umowy")[0] == Words("polish")("umowa umowy")[1]
    assert Words("simple")("Häuser Haus") == ["häuser", "haus"]


def test_codes_and_names_are_meant_exactly() -> None:
    asked = Question.of("What does Ingrid say about E-4231 and 1.8.0?")
    assert set(asked.codes) == {"e4231", "4231", "1.8.0"} and {"ingrid"} <= set(asked.names)
    assert list(asked.exact({"english"})) == [*range(len(asked.codes) + len(asked.names))]
    assert list(asked.exact({"german"})) == [*range(len(asked.codes))], "its nouns have capitals too"
    assert not Question.of("MY PHONE IS BROKEN").names


def test_a_question_s_vector_counts_each_of_its_words() -> None:
    """The inner product with a passage is a number to the base 4: how often each word stands in it, at most 3 times."""
    asked = Question.of("pump seal hose seal")
    [vector] = asked.vectors("english", ())
    weights = {int(k) - 1: int(v) for k, v in (item.split(":") for item in vector[1 : vector.index("}")].split(","))}
    passage = counts(Words("english")("Pumps and a seal. Pump, pumps, pump: five."))
    product = sum(weight * passage.get(index, 0) for index, weight in weights.items())
    assert {word: product >> 2 * n & 3 for n, word in enumerate(asked.words)} == {"pump": 3, "seal": 1, "hose": 0}
    assert passage[hash_of("pump")] == 3


def test_a_long_question_has_several_vectors() -> None:
    assert len(Question.of(" ".join(f"word{n}" for n in range(500))).vectors("english", ())) == 8
