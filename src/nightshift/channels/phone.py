"""Phone numbers as people write them."""

import re
from unicodedata import category, decimal, normalize

WRITTEN = re.compile(r"(?:\+|00)?[\d\s().\-/\u2010-\u2015]*", re.ASCII)
TRUNK = re.compile(r"(?<=\d)\s*\(0\)", re.ASCII)  # +49 (0) 151: dialed within the country alone
MIN_DIGITS, MAX_DIGITS = 7, 15  # E.164 allows 15; shorter ones are service numbers
# SQL: how WhatsApp itself may write the number {0} instead, in Mexico (1), Argentina and Brazil (9); NULL elsewhere.
OTHER_FORM = r"""
    CASE WHEN {0} ~ '^(521|549)\d{{10}}$' THEN overlay({0} PLACING '' FROM 3 FOR 1)
         WHEN {0} ~ '^52\d{{10}}$' THEN overlay({0} PLACING '1' FROM 3 FOR 0)
         WHEN {0} ~ '^54\d{{10}}$' THEN overlay({0} PLACING '9' FROM 3 FOR 0)
         WHEN {0} ~ '^55\d\d9\d{{8}}$' THEN overlay({0} PLACING '' FROM 5 FOR 1)
         WHEN {0} ~ '^55\d{{10}}$' THEN overlay({0} PLACING '9' FROM 5 FOR 0) END
"""


def digits_of(written: str) -> str | None:
    """The digits of an international number, however it is written: +49 151 123-45, 0049151..., 49151... None for any
    other text."""
    plain = _plain(written).strip()
    if not WRITTEN.fullmatch(plain):
        return None
    if plain.startswith(("+", "00")):
        plain = TRUNK.sub("", plain, count=1)
    digits = re.sub(r"\D", "", plain, flags=re.ASCII).removeprefix("00")
    return digits if MIN_DIGITS <= len(digits) <= MAX_DIGITS else None


def _plain(written: str) -> str:
    """Without the invisible marks that address books put around a number; a digit of any script is one of 0 to 9."""
    seen = (character for character in normalize("NFKC", written) if category(character) != "Cf")
    return "".join(str(decimal(character, character)) for character in seen)
