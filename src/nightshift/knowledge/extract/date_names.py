"""The names in a date format: months and days in the language of the format, years of the Japanese eras."""

import re
from datetime import datetime, timedelta
from locale import windows_locale

_LANGUAGE = re.compile(r"\[\$[^]-]*-([0-9A-Fa-f]+)[^]]*\]")
_NAMES = re.compile(r'"[^"]*"?|\\.|\[[^]]*\]|General|E[+-]|m{3,5}|d{3,4}|a{3,4}|g{1,3}|e{1,2}', re.IGNORECASE)
_KEPT = ("general", "e+", "e-")
_ERAS = ((datetime(2019, 5, 1), "令和"), (datetime(1989, 1, 8), "平成"), (datetime(1926, 12, 25), "昭和"))
_WIDTHS = {3: "abbreviated", 4: "wide", 5: "narrow"}
_JAPANESE = 0x411


def with_names(code: str, value: float, date1904: bool) -> str:
    """`code` with the names that `value` has in place of their letters, where they are not English."""
    found = _LANGUAGE.search(code)
    number = int(found[1], 16) & 0xFFFF if found else 0
    language = windows_locale.get(number) or windows_locale.get(0x400 | number & 0xFF, "en")
    if not _NAMES.search(_LANGUAGE.sub("", code)) or not 0 <= value < 2_900_000:
        return code
    day = datetime(1904, 1, 1) if date1904 else datetime(1899, 12, 30)
    return _NAMES.sub(lambda part: _name(part[0], day + timedelta(value), language, number), code)


def _name(part: str, day: datetime, language: str, number: int) -> str:
    letter = part[0].lower()
    if letter not in "mdage" or part.lower() in _KEPT:
        return part
    if letter == "a":  # the day in Japanese or Chinese
        return f'"{_babel("zh" if language.startswith("zh") else "ja", "days", part, day.weekday())}"'
    if letter in "ge":
        begin, era = next((era for era in _ERAS if day >= era[0]), (day, ""))
        if letter == "g":
            return f'"{era if len(part) > 1 else ""}"'
        return f'"{day.year - begin.year + 1 if number == _JAPANESE and era else day.year}"'
    if language.startswith("en"):
        return part
    months = letter == "m"
    return f'"{_babel(language, "months" if months else "days", part, day.month if months else day.weekday())}"'


def _babel(language: str, kind: str, part: str, number: int) -> str:
    from babel import Locale, localedata  # 40 ms

    code = language.partition("_")[0]
    names = getattr(Locale(code if localedata.exists(code) else "en"), kind)["format"]
    return str(names[_WIDTHS[len(part)]][number]).rstrip(".")
