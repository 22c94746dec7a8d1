"""Characters as a person sees them: a letter with its accents, an emoji with its joiners, a flag."""

import regex

_GRAPHEME = regex.compile(r"\X")  # extended grapheme clusters, also of Thai, Lao and Khmer


def last_boundary(text: str, start: int, end: int) -> int:
    """The last position in text[start + 1:end + 1] that does not divide a character; `end` where one fills it all.

    `start` is such a position. One code point after `end` tells whether it is divided.
    """
    window = text[start : end + 1]  # and not the whole: the pattern counts the flags before a flag from the beginning
    boundary = 0
    for found in _GRAPHEME.finditer(window):
        if found.end() > end - start:
            break
        boundary = found.end()
    return start + boundary if boundary else end
