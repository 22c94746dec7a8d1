"""Characters as a person sees them: a letter with its accents, an emoji with its joiners, a flag."""

import regex

_GRAPHEME = regex.compile(r"\X")  # extended grapheme clusters, also of Thai, Lao and Khmer

_PLAIN = regex.compile(r"[!-~\p{Han}\p{Hiragana}\p{Katakana}]{2}")  # never one character: most texts need no more


def last_boundary(text: str, start: int, end: int) -> int:
    """The last position in text[start + 1:end + 1] that does not divide a character; `end` where one fills it all.

    `start` is such a position. Takes time linear in `end - start`: one code point after `end` tells whether it is divided.
    """
    if end - start > 1 and _PLAIN.match(text, end - 1):
        return end
    boundary = start
    for found in _GRAPHEME.finditer(text, start, end + 1):
        if found.end() > end:
            break
        boundary = found.end()
    return boundary if boundary > start else end
