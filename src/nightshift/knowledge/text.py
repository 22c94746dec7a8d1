"""Decodes bytes of any encoding to text that Postgres can store."""

import codecs
import re

SAMPLE_BYTES = 64 * 1024  # for guessing an encoding

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
_BINARY = re.compile(rb"[\x00-\x06\x0e-\x19\x1c-\x1f]")  # bytes that appear in text only in UTF-16 and UTF-32


def clean(text: str) -> str:
    """`text` as Postgres can store it: no NUL, surrogate or control character but \\n and \\t; every line ends with \\n.

    PDFium writes U+FFFE for the hyphen of a word broken at a line end: the word is joined.
    """
    return _SOFT_HYPHEN.sub("", _LINE_END.sub("\n", _REFUSED.sub("", text)))


def decode(data: bytes) -> str:
    """Decode `data` by its byte order mark, as UTF-8, else by a guess. Never fails.

    A UTF-8 file with a few broken bytes (at most a tenth of what is not ASCII) stays UTF-8; they become U+FFFD.
    """
    if marked := _byte_order_mark(data):
        return data[marked[0] :].decode(marked[1], "replace")
    text = data.decode("utf-8", "replace")
    lost = text.count("\ufffd")
    if lost and lost * 10 > len(text) - len(text.encode("ascii", "ignore")):
        return data.decode(_guess(data), "replace")
    return text


def is_text(head: bytes) -> bool:
    """Whether a file that begins with `head` is text. Checks the first 64 KB; a character cut off there is allowed."""
    head = head[:SAMPLE_BYTES]
    if marked := _byte_order_mark(head):
        return _decodes(head[marked[0] :], marked[1])
    return _decodes(head, "utf-8") or not _BINARY.search(head)


def _byte_order_mark(data: bytes) -> tuple[int, str] | None:
    """The length and the encoding of the byte order mark, None without one."""
    return next(((len(bom), encoding) for bom, encoding in _BOMS if data.startswith(bom)), None)


def _decodes(head: bytes, encoding: str) -> bool:
    try:
        return "\0" not in codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return False


def _guess(data: bytes) -> str:
    """The likeliest encoding, by 64 KB from the line of the first byte that is not ASCII."""
    from charset_normalizer import from_bytes  # 30 ms, which the PDF reader saves: it uses only `clean`

    first = re.search(rb"[\x80-\xff]", data)
    begin = data.rfind(b"\n", 0, first.start()) + 1 if first and first.start() > SAMPLE_BYTES // 2 else 0
    best = from_bytes(data[begin : begin + SAMPLE_BYTES]).best()
    return best.encoding if best and best.encoding != "ascii" else "cp1252"
