"""Numbers of headings and list items as they are written in front of them."""

_ROMAN = list(
    zip((1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1), "m cm d cd c xc l xl x ix v iv i".split(), strict=True)
)
# By the words in the names that Word and PowerPoint have for their styles; a number beyond the last one is in digits.
_SIGNS = {
    "circle": "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳",
    "russian": "абвгдежзиклмнопрстуфхцчшщэюя",
    "ganada": "가나다라마바사아자차카타파하",
    "koreancounting": "일이삼사오육칠팔구십",
    "hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "arabicalpha": "أبتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "thailetters": "กขคงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ",
    "ideographtraditional": "甲乙丙丁戊己庚辛壬癸",
    "aiueo": "アイウエオカキクケコサシスセソタチツテト",
    "iroha": "イロハニホヘトチリヌルヲワカヨタレソツネ",
}
_CHINESE = ("chinese", "japanesecounting", "taiwanesecounting", "ideographdigital", "japanesedigital", "ea1")
_DIGITS = "〇一二三四五六七八九"


def formatted(count: int, style: str) -> str:
    """A number in one of Word's styles; in digits for those that are not known."""
    name = style.lower()
    if name == "none":
        return ""
    if name.startswith(_CHINESE) and 0 < count < 100:
        return _chinese(count)
    signs = next((signs for word, signs in _SIGNS.items() if word in name), "")
    if 0 < count <= len(signs):
        return signs[count - 1].upper() if name.endswith("upper") else signs[count - 1]
    letters = chr(ord("a") + (count - 1) % 26) * min((count - 1) // 26 + 1, 9) if count > 0 else ""
    styles = {"lowerletter": letters, "upperletter": letters.upper(), "decimalzero": f"{count:02d}"}
    if name.endswith("roman"):
        return _roman(count, name.startswith("upper"))
    return styles.get(name, str(count))


def _roman(count: int, upper: bool) -> str:
    roman, rest = "", min(count, 9999)
    for value, sign in _ROMAN:
        times, rest = divmod(rest, value) if rest > 0 else (0, 0)
        roman += sign * times
    return roman.upper() if upper else roman


def _chinese(count: int) -> str:
    tens, ones = divmod(count, 10)
    return (_DIGITS[tens] if tens > 1 else "") + ("十" if tens else "") + (_DIGITS[ones] if ones else "")
