"""The words by which passages and questions are compared: normalized alike, stemmed where the language has a stemmer."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from zlib import crc32

import regex
import Stemmer

from nightshift.db.models import HASHES

MAX_KEPT = 40  # characters without a space: a longer part is not likely to come again
MAX_COUNT = 3  # more of a word in one passage says no more about it

_DASH = regex.compile(r"[\p{Pd}\N{MINUS SIGN}]")
_IGNORED = regex.compile(r"\p{Cf}")  # soft hyphens, joiners, directions
_SUPERSCRIPT = regex.compile(
    r"(?<=[\p{L}\p{N}])(?<![⁰¹²³⁴-⁹])(?=[⁰¹²³⁴-⁹])"
)  # the mark of a note, and no digit of the number
_OTHER_DIGIT = regex.compile(r"[^\P{Nd}0-9]")
# Scripts without spaces, and Korean with its endings, are divided into pairs of letters.
_PAIRED = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_PIECE = regex.compile(
    rf"[{_PAIRED}]+"
    r"|[\p{Latin}\p{N}][\p{Latin}\p{N}\p{M}]*(?:(?:[-_.@'’]|(?<=\d),(?=\d))[\p{Latin}\p{N}\p{M}]+)*"
    r"|[\p{L}\p{M}]+"
)
_IS_PAIRED = regex.compile(rf"[{_PAIRED}]")
_PART = regex.compile(r"[\p{L}\p{M}]+|\p{N}+")
_GROUPED = regex.compile(r"\d{1,3}(?:,\d{3})+(?=\.|$)|\d{1,3}(?:\.\d{3})+(?=,|$)")
_MARK = regex.compile("[,.]")


class Words:
    """Finds words of one language, named as Snowball names it; any other name: no stemmer. Not for several threads."""

    def __init__(self, language: str) -> None:
        known = language in Stemmer.algorithms()
        self.stem: Callable[[str], str] = Stemmer.Stemmer(language, 0).stemWord if known else str
        self._of_short = lru_cache(20_000)(self._of)  # the words of a document repeat themselves

    def __call__(self, text: str) -> list[str]:
        """The words of `text`, with repetitions."""
        split = _normal(text).split()
        return [word for part in split for word in (self._of_short if len(part) < MAX_KEPT else self._of)(part)]

    def _of(self, text: str) -> list[str]:
        return [self.stem(word) for piece in _PIECE.findall(text) for word in _words_of(piece)]


def _words_of(piece: str) -> list[str]:
    """ "e-4231" is e4231, e and 4231; 1,234.50 also 1234; 保証期間 is 保証, 証期 and 期間."""
    if _IS_PAIRED.match(piece):
        return [piece[n : n + 2] for n in range(max(len(piece) - 1, 1))]
    parts = _PART.findall(piece)
    if len(parts) == 1:
        return parts
    grouped = [_MARK.sub("", number[0])] if (number := _GROUPED.match(piece)) else []
    return [piece.replace("-", "").replace("_", ""), *grouped, *parts]


@lru_cache(50_000)
def hash_of(word: str) -> int:
    return crc32(word.encode()) % HASHES


def counts(words: Iterable[str]) -> dict[int, int]:
    """How often each hash occurs, at most `MAX_COUNT`, ordered by hash: the values of a sparse vector."""
    found = Counter(words)
    return dict(sorted((hash_of(word), min(count, MAX_COUNT)) for word, count in found.items()))


def literal(values: Mapping[int, int]) -> str:
    """A sparse vector of these values as SQL: pgvector counts from 1."""
    return f"{{{','.join(f'{index + 1}:{value}' for index, value in values.items())}}}/{HASHES}"


def _normal(text: str) -> str:
    """NFKC without case or invisible characters; every dash is a hyphen and every digit one of 0 to 9."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", _SUPERSCRIPT.sub("-", text.replace("’", "'"))).casefold()
    text = unicodedata.normalize("NFKC", _IGNORED.sub("", text)).replace("i\u0307", "i")  # of the Turkish İ
    return _OTHER_DIGIT.sub(lambda digit: str(unicodedata.digit(digit[0])), _DASH.sub("-", text))
