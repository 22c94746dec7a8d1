"""Detects the kind of a file that is text: HTML, mail, or a document in XML that must be saved in another format."""

import re
from functools import lru_cache

from nightshift.errors import PermanentError
from nightshift.knowledge.text import decode, is_text

SAMPLE_BYTES = 16 << 10  # enough for comments and headers before what tells the kind

# As in WHATWG's MIME sniffing, and a few more that pages without a head begin with. Atomic groups, or a hostile head takes
# forever.
_BEFORE = r"(?>\s|<!--(?>.*?-->)|<\?(?>.*?\?>))*+"
_PAGE = re.compile(_BEFORE + r"<(?:!doctype\s+html|html)[\s>]", re.DOTALL | re.IGNORECASE)
_FRAGMENT = re.compile(
    _BEFORE
    + r"<(?:a|article|b|body|br|center|div|font|form|h[1-6]|head|iframe|img|link|main|meta|nav|ol|p|script|section|"
    r"span|strong|style|table|title|ul)[\s>/]",
    re.DOTALL | re.IGNORECASE,
)
_TAG = re.compile(r"<[a-z!/]|&(?:#\d|[a-z]+;)", re.IGNORECASE)
# A block of header lines that names the version of MIME; a message called .eml or .mht needs no such line.
_HEADER = re.compile(r"(?:From .*\r?\n)?(?:[A-Za-z][A-Za-z0-9-]*:.*\r?\n(?:[ \t].*\r?\n)*+)++")
_MIME_VERSION = re.compile(r"^MIME-Version:", re.MULTILINE | re.IGNORECASE)
_SAVE_AS = "This file is {}. Save it as {} and upload that copy."
_IN_XML = (
    (r"<pkg:package\b", "a Word document in one XML file (Flat OPC)", ".docx"),
    (r"<(?:\w+:)?wordDocument\b", "a Word document in XML (Word 2003)", ".docx"),
    (r'<(?:\w+:)?Workbook\b[^>]*"urn:schemas-microsoft-com:office:spreadsheet"', "an XML Spreadsheet 2003", ".xlsx"),
    (r"<office:document\b", "a flat OpenDocument file", ".ods, .docx or .pdf"),
)
_TEXT_NAMES = (".md", ".markdown", ".mdx", ".csv", ".tsv", ".txt")


def is_html(head: bytes, name: str) -> bool:
    """Whether a file is a page or a part of one. Its name counts where a text may also begin with a tag."""
    text = _beginning(head)
    named = name.endswith((".html", ".htm", ".xhtml")) and _TAG.search(text)
    return bool(named or _PAGE.match(text) or (not name.endswith(_TEXT_NAMES) and _FRAGMENT.match(text)))


def is_mail(head: bytes, name: str) -> bool:
    """Whether a file is a MIME message: mail, a web archive, or what Confluence and Word save as .doc."""
    header = _HEADER.match(_beginning(head))
    return header is not None and bool(name.endswith((".eml", ".mht", ".mhtml")) or _MIME_VERSION.search(header[0]))


def refuse_xml(head: bytes) -> None:
    """Raise PermanentError, with the format's name, for an Office document in one XML file."""
    text = _beginning(head)
    for pattern, what, instead in _IN_XML if text.lstrip().startswith("<?xml") else ():
        if re.search(pattern, text):
            raise PermanentError(_SAVE_AS.format(what, instead))


@lru_cache(maxsize=1)
def _beginning(head: bytes) -> str:
    """The text at the beginning; "" for what is no text."""
    return decode(head[:SAMPLE_BYTES]) if is_text(head) else ""
