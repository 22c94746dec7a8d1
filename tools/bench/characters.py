"""Characters right: texts of 36 languages in the encodings that are written for them, from one sentence to a page."""

import re
from collections.abc import Iterator
from pathlib import Path
from unicodedata import normalize

from figures import Figure
from harness import Servers

from nightshift.knowledge.text import decode

SENTENCES = Path(__file__).with_name("sentences.txt")  # language encodings | three sentences
UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
PAGE = 12  # times the three sentences

_FIRST = re.compile(r".*?(?:\. |。)")
_MARKS = "\u0302\u0306\u031b"  # that Windows-1258 has within a letter; the tones follow it


def measure(running: Servers) -> list[Figure]:
    found = [normalize("NFC", decode(data)) == text for text, _, data in samples()]
    right, share = sum(found), sum(found) / len(found)
    return [
        Figure(
            "characters right over the shipped encodings", right, len(found), "samples", share, ">= 0.99", share >= 0.99
        )
    ]


def samples() -> Iterator[tuple[str, str, bytes]]:
    """A text, its encoding, and its bytes."""
    for line in SENTENCES.read_text().splitlines():
        head, text = line.split(" | ")
        first = _FIRST.match(text)
        for encoding in (*head.split()[1:], *UNICODE):
            for sample in (first[0].strip() if first else text, text, f"{text}\n" * PAGE):
                yield sample, encoding, (_toned(sample) if encoding == "cp1258" else sample).encode(encoding)


def _toned(text: str) -> str:
    """`text` as Windows-1258 has it: each tone after its letter."""
    letters = (normalize("NFD", letter) for letter in text)
    parts = (
        (each[0] + "".join(m for m in each[1:] if m in _MARKS), "".join(m for m in each[1:] if m not in _MARKS))
        for each in letters
    )
    return "".join(normalize("NFC", letter) + tone for letter, tone in parts)
