"""Phone numbers as people write them."""

import re

WRITTEN = re.compile(r"(?:\+|00)?[\d\s().\-/\u00a0\u2010-\u2015]*", re.ASCII)
MIN_DIGITS, MAX_DIGITS = 7, 15  # E.164 allows 15; shorter ones are service numbers


def digits_of(written: str) -> str | None:
    """The digits of an international number, however it is written: +49 151 123-45, 0049151..., 49151... None for any
    other text."""
    if not WRITTEN.fullmatch(written.strip()):
        return None
    digits = re.sub(r"\D", "", written, flags=re.ASCII).removeprefix("00")
    return digits if MIN_DIGITS <= len(digits) <= MAX_DIGITS else None
