"""Numbers as a spreadsheet shows them."""

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from xlfmt import format_value

from nightshift.knowledge.extract.date_names import with_names

# ECMA-376 part 1, 18.8.30. 14, 22 and those from 27 to 58 follow the machine's country: the date that no country misreads.
_DATE, _TIME = "yyyy-mm-dd", "h:mm:ss"
BUILT_IN = {
    **dict(enumerate(["General", "0", "0.00", "#,##0", "#,##0.00"])),
    **dict(enumerate(["0%", "0.00%", "0.00E+00", "# ?/?", "# ??/??", _DATE, "d-mmm-yy", "d-mmm", "mmm-yy"], 9)),
    **dict(enumerate(["h:mm AM/PM", "h:mm:ss AM/PM", "h:mm", _TIME, _DATE + " h:mm"], 18)),
    **dict.fromkeys([*range(27, 32), 36, *range(50, 55), 57, 58], _DATE),
    **dict.fromkeys([*range(32, 36), 55, 56], _TIME),
    **dict.fromkeys((5, 6, 37, 38), "#,##0;-#,##0"),
    **dict.fromkeys((7, 8, 39, 40), "#,##0.00;-#,##0.00"),
    **dict.fromkeys((41, 42), "#,##0"),
    **dict.fromkeys((43, 44), "#,##0.00"),
    **dict(enumerate(["mm:ss", "[h]:mm:ss", "mm:ss.0", "##0.0E+0", "@"], 45)),
}
_LANGUAGE = re.compile(r"\[\$-[^]]*\]")  # xlfmt shows a dollar for that of a number
_TEXT = re.compile(r'"([^"]*)"|\\(.)|_.|(@)|\[[^]]*\]|[*].')
_LITERAL_DOT = re.compile(r'("[^"]*"|\\.|\[[^]]*\])|\.(?![0#?])')  # dd.mm.yyyy, where xlfmt loses the dots


_PLAIN = re.compile(r"(#,##)?0(?:\.(0{1,9}))?(%)?")  # formatted here, ten times as fast


@lru_cache(50_000)
def shown(value: float, code: str, date1904: bool = False) -> str:
    """`value` in the number format `code`; with 15 digits where it has none, or where it does not fit its format.

    Excel shows 11 digits without a format, too few for the number of an article.
    """
    if abs(value) < 1e15 and (plain := _PLAIN.fullmatch(code)):
        number = Decimal(repr(float(value))) * (100 if plain[3] else 1)
        rounded = number.quantize(Decimal(1).scaleb(-len(plain[2] or "")), ROUND_HALF_UP)
        return f"{rounded:{',' if plain[1] else ''}f}{plain[3] or ''}"
    if code not in ("General", "@", ""):
        try:
            code = _LANGUAGE.sub("", with_names(code, value, date1904))
            text = str(format_value(value, _LITERAL_DOT.sub(_escaped, code), date1904))
        except Exception:  # a format that Excel would refuse
            text = "#"
        if text.strip("#") or not text:  # with nothing else a date that has no place in the calendar
            return text.strip()
    return f"{value:.15g}"


def shown_text(text: str, code: str) -> str:
    """A text in the last section of the number format `code`, where that has a place for it, or hides it."""
    sections = code.split(";")
    if len(sections) < 4 and ("@" not in code or code == "@"):
        return text
    parts = _TEXT.finditer(sections[3 if len(sections) > 3 else -1])
    return "".join(text if part[3] else part[1] or part[2] or "" for part in parts).strip()


def _escaped(found: re.Match[str]) -> str:
    return found[1] or "\\."
