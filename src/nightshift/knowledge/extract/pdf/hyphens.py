"""Words that a line end divides."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

BROKEN = "\ufffe"  # what PDFium writes for a hyphen at a line end, together with that
_SOFT = re.compile("\u00ad(?:\r?\n)?")
_DIVIDED = re.compile(rf"([^\W_]+){BROKEN}(?:\r?\n)?([^\W_]+)")
_NUMBERS = re.compile(r"(?<=\d-)\r?\n(?=\d)")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


class Joiner:
    """Joins divided words, by those of the document so far and by a list of English ones."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def join(self, text: str) -> str:
        """`text` with whole words: "infor-mation" joined, "long-term", "AB-4711" and "E-Mail" with their hyphens."""
        text = _NUMBERS.sub("", _SOFT.sub("", text))
        if BROKEN not in text:
            self._seen.update(map(str.lower, _WORD.findall(text)))
            return text
        self._seen.update(map(str.lower, _WORD.findall(_DIVIDED.sub(" ", text))))
        return _DIVIDED.sub(lambda found: self._joined(found[1], found[2]), text)

    def _joined(self, left: str, right: str) -> str:
        return f"{left}-{right}" if self._is_compound(left, right) else left + right

    def _is_compound(self, left: str, right: str) -> bool:
        """A capital, a digit or a single letter beside the hyphen is no part of a broken word; nor are two words of English."""
        if not right[0].islower() or not left[-1].islower() or len(left) == 1:
            return right[0].isascii() or not right[0].isalpha() or right[0].isupper()
        left, right = left.lower(), right.lower()
        if f"{left}-{right}" in self._seen:
            return True
        if left + right in self._seen or left + right in _english():
            return False
        return left in _english() and right in _english()


@cache
def _english() -> frozenset[str]:
    """82,765 words. The package that holds the list is not imported: only this file is needed."""
    package = find_spec("symspellpy")
    assert package and package.origin
    lines = Path(package.origin).with_name("frequency_dictionary_en_82_765.txt").read_text("utf-8-sig").splitlines()
    return frozenset(line.partition(" ")[0] for line in lines)
