"""Bytes of any encoding to text that Postgres accepts."""

import codecs
import re

SAMPLE_BYTES = 64 * 1024  # what an encoding is guessed from

# UTF-32 before UTF-16: its little-endian mark begins with UTF-16's.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LINE_END = re.compile("\r\n|[\r\v\f\x85]")
_SOFT_HYPHEN = re.compile("\ufffe\n?")
# C0 but for the line ends above and tab, DEL, C1, lone surrogates, U+FFFF and a byte order mark inside the text.
_REFUSED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\uffff\ufeff]")
_BINARY = re.compile(rb"[\x00-\x06\x0e-\x19\x1c-\x1f]")  # bytes no text has in any encoding but UTF-16 and UTF-32


def clean(text: str) -> str:
    """`text` as Postgres stores it: no NUL, surrogate or control character but \\n and \\t; every line ends in \\n.

    PDFium writes U+FFFE for the hyphen of a word broken at a line end: the word is joined.
    """
    return _SOFT_HYPHEN.sub("", _LINE_END.sub("\n", _REFUSED.sub("", text)))


def decode(data: bytes) -> str:
    """`data` as text, never failing: by its byte order mark, as UTF-8, else by the guessed encoding.

    A UTF-8 file with a few broken bytes (at most a tenth of what is not ASCII) stays UTF-8; they become U+FFFD.
    """
    if marked := _marked(data):
        return data[marked[0] :].decode(marked[1], "replace")
    text = data.decode("utf-8", "replace")
    lost = text.count("\ufffd")
    if lost and lost * 10 > len(text) - len(text.encode("ascii", "ignore")):
        return data.decode(_guess(data), "replace")
    return text


def is_text(head: bytes) -> bool:
    """Whether a file that begins with `head` is text. Only the first 64 KB count; a character cut there is no fault."""
    head = head[:SAMPLE_BYTES]
    if marked := _marked(head):
        return _decodes(head[marked[0] :], marked[1])
    return _decodes(head, "utf-8") or not _BINARY.search(head)


def _marked(data: bytes) -> tuple[int, str] | None:
    """The length of the byte order mark and the encoding it names."""
    return next(((len(bom), encoding) for bom, encoding in _BOMS if data.startswith(bom)), None)


def _decodes(head: bytes, encoding: str) -> bool:
    try:
        return "\0" not in codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return False


def _guess(data: bytes) -> str:
    """The likeliest encoding, from 64 KB that begin with the line of the first byte that is not ASCII."""
    from charset_normalizer import from_bytes  # 30 ms: the PDF reader, which needs `clean` alone, does without

    first = re.search(rb"[\x80-\xff]", data)
    begin = data.rfind(b"\n", 0, first.start()) + 1 if first and first.start() > SAMPLE_BYTES // 2 else 0
    best = from_bytes(data[begin : begin + SAMPLE_BYTES]).best()
    return best.encoding if best and best.encoding != "ascii" else "cp1252"
