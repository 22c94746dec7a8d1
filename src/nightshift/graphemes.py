"""Characters as a person sees them: a letter with its accents, an emoji with its joiners, a flag."""

import regex

_GRAPHEME = regex.compile(r"\X")  # extended grapheme clusters, also of Thai, Lao and Khmer


def last_boundary(text: str, start: int, end: int) -> int:
    """The last position in text[start + 1:end + 1] that does not divide a character; `end` where one fills it all.

    `start` is such a position. Takes time linear in `end - start`: one code point after `end` tells whether it is divided.
    """
    boundary = start
    for found in _GRAPHEME.finditer(text, start, end + 1):
        if found.end() > end:
            break
        boundary = found.end()
    return boundary if boundary > start else end
