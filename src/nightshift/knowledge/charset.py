"""Finds the encoding of bytes that do not say it, and decodes what a server declared."""

import codecs
import re
from itertools import takewhile
from typing import Any

import regex
import webencodings

SAMPLE_BYTES = 64 * 1024  # for telling text from binary

_BINARY = re.compile(rb"[\x00-\x06\x0e-\x19\x1c-\x1f]")  # bytes that appear in text only in UTF-16 and UTF-32
_ESCAPED = re.compile(rb"\x1b[$(]|~\{")  # ISO-2022 and HZ write every character in ASCII
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
# The characters that texts have. Bytes that are not UTF-16 soon have another one.
_WRITTEN = re.compile(
    "[\t\n\r -~\u00a0-\u052f\u0531-\u06ff\u0900-\u10ff\u1780-\u17ff\u1e00-\u1fff\u200b-\u200f\u2010-\u2027\u2030-\u205e"
    "\u20a0-\u20bf\u2100-\u22ff\u2500-\u26ff\u3000-\u312f\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef\U00010000-\U0002ffff]+"
)
_LATIN_OR_KANA = re.compile("[\n\r -~\u3000-\u30ff\uff00-\uff65]")
# A byte that Windows-1252 has for a letter, or a mark inside a word. All others are quotes, dashes and signs, which say
# nothing to a detector of letters.
_MORE_THAN_MARKS = re.compile(
    rb"[^\0-\x7f\x80\x85\x91-\x97\x99\xa3\xa7\xa9\xab\xae\xb0-\xb3\xb5\xb7\xbb-\xbe\xd7]|[\x80-\xff]{3}|(?<= )\x85(?= )"
    rb"|(?<=[A-Za-z])[\x80-\x91\x93-\xff](?=[A-Za-z])"
)
# With so few bytes that are not ASCII, a rare encoding is likelier by chance than by intent, and two can be equally likely.
_FEW, _TOO_FEW = 4, 2
_RARE = ["mac-iceland", "mac-turkish", "mac-latin2", "cp720", "cp856", "johab", "hp-roman8"]
# Each text in another script has a word of three letters. Without one the letters are Latin; some encodings of those were
# hardly ever used.
_THREE = re.compile(rb"[\x80-\xff]{3}")
_NOT_LATIN = regex.compile(r"(?!\p{Latin})\p{L}")
_UNUSED = "iso8859-3 iso8859-4 iso8859-10 iso8859-14 iso8859-16 mac-iceland mac-turkish hp-roman8".split()
_TIE = 0.97  # of the best confidence: Windows-1252 is the likeliest of equals


def detect(data: bytes) -> tuple[str, bool]:
    """The likeliest encoding, and whether it is certain. Markup's own declaration counts where the bytes fit it.

    Of 825 samples (36 languages, from a sentence to a page, see tools/bench/characters.py) all were right.
    """
    from chardet import EncodingEra, detect_all  # 20 ms, which the PDF reader saves

    if not is_escaped(data) and not _MORE_THAN_MARKS.search(data):
        return "cp1252", True
    count = len(_NOT_ASCII.findall(data))
    best = _best(data, _RARE if count <= _FEW else [])
    if count > _TOO_FEW:
        return best["encoding"] or "cp1252", True
    common = detect_all(data, encoding_era=EncodingEra.MODERN_WEB | EncodingEra.LEGACY_ISO)
    likely = [each["encoding"] for each in [best, *common] if each["confidence"] * 2 >= best["confidence"]]
    return best["encoding"] or "cp1252", len({data.decode(each or "cp1252", "replace") for each in likely}) == 1


def _best(data: bytes, excluded: list[str]) -> Any:
    """chardet's best encoding; where only Latin letters are possible, the best that has no others."""
    from chardet import detect_all

    if is_escaped(data) or _THREE.search(data):
        return detect_all(data, max_bytes=len(data) or 1, exclude_encodings=excluded or None)[0]
    every = detect_all(data, max_bytes=len(data), exclude_encodings=excluded + _UNUSED, ignore_threshold=True)
    latin = (found for found in every if not _NOT_LATIN.search(data.decode(found["encoding"] or "cp1252", "replace")))
    first = next(latin, every[0])
    ties = takewhile(lambda found: found["confidence"] >= _TIE * first["confidence"], latin)
    return next((found for found in ties if found["encoding"] == "Windows-1252"), first)


def utf_16(data: bytes) -> str | None:
    """The byte order of UTF-16 without a mark: the one in which the beginning consists of characters that texts have."""
    sample = data[:SAMPLE_BYTES]
    strange = len(_BINARY.findall(sample))
    if not strange or (sample.isascii() and strange * 4 < len(sample)):
        return None
    texts = {order: decoded for order in ("utf-16-le", "utf-16-be") if (decoded := beginning(sample, order))}
    likely = [order for order, text in texts.items() if _WRITTEN.fullmatch(text)]
    return max(likely, key=lambda order: len(_LATIN_OR_KANA.findall(texts[order])), default=None)


def is_binary(head: bytes) -> bool:
    """Whether a byte of `head` appears in no encoding of one or two bytes."""
    return _BINARY.search(head) is not None


def is_escaped(data: bytes) -> bool:
    return data.isascii() and _ESCAPED.search(data) is not None


def is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def beginning(head: bytes, encoding: str) -> str | None:
    """`head` decoded, without a character cut off at its end; None if it does not fit."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None


def decode_mixed(data: bytes) -> tuple[str, bool]:
    """The text of bytes that are not, or not all, UTF-8, and whether it is certain.

    Where lines of UTF-8 and of another encoding alternate, each is read by itself.
    """
    lines = data.splitlines(keepends=True)
    others = [] if is_escaped(data) else [line for line in lines if not _is_mostly_utf_8(line)]
    encoding, certain = detect(b"".join(others) or data) if others or is_escaped(data) else ("utf-8", False)
    if len(others) == len(lines) or is_escaped(data) or not _may_alternate(data, b"".join(others), encoding):
        return data.decode(encoding, "replace"), certain
    return "".join(line.decode("utf-8" if _is_mostly_utf_8(line) else encoding, "replace") for line in lines), certain


def as_declared(data: bytes, charset: str | None) -> bytes:
    """`data` as UTF-8 with a mark, where it fits the charset that a server declares; else unchanged.

    Valid UTF-8 is unchanged: servers declare Latin-1 for it, and text in another encoding is never valid by chance.
    """
    encoding = webencodings.lookup(charset) if charset else None
    if encoding is None or (is_utf_8(data) and not is_escaped(data) and b"\0" not in data):
        return data
    try:
        return codecs.BOM_UTF8 + encoding.codec_info.decode(data, "strict")[0].encode()
    except (UnicodeError, LookupError):
        return data


def _is_mostly_utf_8(line: bytes) -> bool:
    """Whether at most a tenth of what is not ASCII is broken UTF-8: that much is damage, not another encoding."""
    text = line.decode("utf-8", "replace")
    lost = text.count("\ufffd")
    return not lost or lost * 10 <= len(text) - len(text.encode("ascii", "ignore"))


def _may_alternate(data: bytes, others: bytes, encoding: str) -> bool:
    """Whether lines that are valid UTF-8 are so by intent: in an encoding of two bytes a short line may be by chance."""
    one_byte = len(bytes(range(256)).decode(encoding, "replace")) == 256
    foreign = len(_NOT_ASCII.findall(others))
    return one_byte or (len(_NOT_ASCII.findall(data)) - foreign) * 3 > foreign
