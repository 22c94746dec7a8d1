"""Decodes bytes of any encoding to text that Postgres can store."""

import codecs
import re
from unicodedata import normalize

import regex

from nightshift.knowledge.charset import SAMPLE_BYTES, beginning, decode_mixed, is_binary, is_escaped, is_utf_8, utf_16

UNCERTAIN = "Some characters may be wrong: the encoding of this file is not certain. Save it as UTF-8 to be sure."

# UTF-32 before UTF-16: its little-endian mark begins with UTF-16's.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Pictures and other files as base64: in a data address, in lines, or in one piece of letters and digits.
_DATA = re.compile(
    r"data:[\w/.+;=-]{0,100}base64,[A-Za-z0-9+/=_%-]*"
    r"|(?<![A-Za-z0-9+/])(?=\S{0,75}[a-z])(?=\S{0,75}[A-Z])(?:[A-Za-z0-9+/]{60,76}\r?\n[ \t]*+){8,}"
    r"(?:[A-Za-z0-9+/]++={0,2}(?![^\r\n]))?"
    r"|(?<![A-Za-z0-9+/])(?=\S{0,80}[a-z])(?=\S{0,80}[A-Z])(?=\S{0,80}[0-9])[A-Za-z0-9+/]{1000,}={0,2}"
)
_RAISED = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
_NUMBER = re.compile(r"\s*[+\-−]?\d+\s*")
_LINE_END = re.compile("\r\n|[\r\v\f\x85]")
_SOFT_HYPHEN = re.compile("[\ufffe\u00ad]\n?")
# C0 but for the line ends above and tab, DEL, C1, lone surrogates, U+FFFF and a byte order mark inside the text.
_REFUSED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\uffff\ufeff]")
# Stream-safe text (UAX 15): after 30 marks a joiner, for the time that normalizing takes grows with the square of a run of them.
_MARKS = regex.compile(r"[^\p{ccc=0}]{30}(?=[^\p{ccc=0}])")
_JOINER = "\N{COMBINING GRAPHEME JOINER}"


def clean(text: str) -> str:
    """`text` as Postgres can store it: no NUL, surrogate or control character but \\n and \\t; every line ends with \\n.

    Composed (NFC), as a keyboard writes it, and without soft hyphens. PDFium writes U+FFFE for the hyphen of a word broken
    at a line end: the word is joined.
    """
    text = _SOFT_HYPHEN.sub("", _LINE_END.sub("\n", _REFUSED.sub("", text)))
    return normalize("NFC", text if text.isascii() else _MARKS.sub(rf"\g<0>{_JOINER}", text))


def raised(text: str) -> str:
    """A superscript, which would make 106 of ten to the sixth: numbers in the characters that Unicode has for it."""
    return text.translate(_RAISED) if _NUMBER.fullmatch(text) else text


def without_data(text: str) -> str:
    """`text` without files embedded in it as base64, which nobody searches for and each passage of which is paid for."""
    return _DATA.sub("", text)


def decode(data: bytes) -> str:
    """The text of `data`: see `decode_noting`."""
    return decode_noting(data)[0]


def decode_noting(data: bytes) -> tuple[str, list[str]]:
    """Decode `data` by its byte order mark, as UTF-16, as UTF-8, else by a detector; with a note where that is not certain.

    Never fails. A UTF-8 file with a few broken bytes (at most a tenth of what is not ASCII) stays UTF-8; they become U+FFFD.
    """
    if marked := _byte_order_mark(data):
        return data[marked[0] :].decode(marked[1], "replace"), []
    if order := utf_16(data):
        return data.decode(order, "replace"), []
    if is_utf_8(data) and not is_escaped(data):
        return data.decode(), []
    text, certain = decode_mixed(data)
    return text, [] if certain and "\ufffd" not in text else [UNCERTAIN]


def is_text(head: bytes) -> bool:
    """Whether a file that begins with `head` is text. Checks the first 64 KB; a character cut off there is allowed."""
    head = head[:SAMPLE_BYTES]
    if marked := _byte_order_mark(head):
        return "\0" not in (beginning(head[marked[0] :], marked[1]) or "\0" * bool(head[marked[0] :]))
    decoded = beginning(head, "utf-8")
    return (decoded is not None and "\0" not in decoded) or not is_binary(head) or utf_16(head) is not None


def _byte_order_mark(data: bytes) -> tuple[int, str] | None:
    """The length and the encoding of the byte order mark, None without one."""
    return next(((len(bom), encoding) for bom, encoding in _BOMS if data.startswith(bom)), None)
