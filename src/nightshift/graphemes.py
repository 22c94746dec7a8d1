"""Characters as a person sees them: a letter with its accents, an emoji with its joiners, a flag."""

import regex

_GRAPHEME = regex.compile(r"\X")  # extended grapheme clusters, also of Thai, Lao and Khmer
_PLAIN = regex.compile(r"[!-~\p{Han}\p{Hiragana}\p{Katakana}]{2}")  # two characters: most texts need no more

WINDOW, CERTAIN = 256, 8  # code points; boundaries
FLAG_HALVES = "".join(map(chr, range(0x1F1E6, 0x1F200)))


def last_boundary(text: str, start: int, end: int) -> int:
    """The last position in text[start + 1:end + 1] that does not divide a character; `end` where one fills it all.

    `start` is such a position. One code point after `end` tells whether it is divided.
    """
    if end - start > 1 and _PLAIN.match(text, end - 1):
        return end
    near = _start_of_window(text, start, end)
    boundaries = [near + found.end() for found in _GRAPHEME.finditer(text[near : end + 1]) if found.end() <= end - near]
    if near > start and len(boundaries) < CERTAIN:
        boundaries = [
            start + found.end() for found in _GRAPHEME.finditer(text[start : end + 1]) if found.end() <= end - start
        ]
    return boundaries[-1] if boundaries else end


def _start_of_window(text: str, start: int, end: int) -> int:
    """Near enough to `end` to be cheap: the pattern counts the flags before a flag from the beginning. A position inside a
    character makes the first boundaries behind it wrong, which is why the last of `CERTAIN` counts; flags are told apart by
    their number alone, so it stands before an even number of their halves."""
    near = max(start, end - WINDOW)
    before = text[start:near]
    return near - (len(before) - len(before.rstrip(FLAG_HALVES))) % 2
