"""Characters of the symbol fonts of Office."""

_CODES = "28 2A 29 4A 4B 4C 6C 6D 6E 6F 70 71 72 74 75 76 77 9F A7 A8 D8 DF E0 E1 E2 E8 EF F0 FB FC FD FE"
_WINGDINGS = dict(zip(bytes.fromhex(_CODES), "☎✉✆☺😐☹●❍■□❐❑❒⧫◆❖⬥•▪☐➢←→↑↓➔⇦⇨✗✓☒☑", strict=True))
_WINGDINGS |= dict(enumerate("①②③④⑤⑥⑦⑧⑨⑩", 0x81)) | dict(enumerate("❶❷❸❹❺❻❼❽❾❿", 0x8C))
_WINGDINGS_2 = dict(zip(bytes.fromhex("2A 4F 50 51 52 53 54 97 98 A3"), "☐✗✓☒☑☒☒●●☐", strict=True))
_SYMBOL = (
    dict(enumerate("ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ", 0x41))
    | dict(enumerate("αβχδεφγηιϕκλμνοπθρστυϖωξψζ", 0x61))
    | dict(enumerate("ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…", 0xA1))
    | dict(zip(bytes.fromhex("C5 C7 C8 CE D0 D2 D3 D4 D6 D7 E5"), "⊕∩∪∈∠®©™√⋅∑", strict=True))
)
FONTS = {"wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2, "symbol": _SYMBOL}


def symbol(font: str, character: str) -> str:
    """What a character of such a font looks like: as such in Unicode, itself where that is unknown.

    Office writes it as U+F0xx, in any font. Without the font's name it is one of Wingdings or, a bullet, of Symbol.
    """
    code = ord(character)
    private = 0xF000 <= code <= 0xF0FF
    table = FONTS.get(font.lower()) or ({**_WINGDINGS, 0xB7: "•"} if private else {})
    return table.get(code & 0xFF if private else code, "" if private else character)
