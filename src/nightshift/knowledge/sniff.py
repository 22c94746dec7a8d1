"""What a file is, by its content: a name only tells Markdown from plain text."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable

from nightshift.knowledge.text import is_text

PDF_HEADER_WITHIN = 1024  # bytes: where Acrobat and PDFium look for %PDF-


def kind_of(head: bytes, filename: str) -> str | None:
    """The kind (a key of the readers) of the file that begins with `head`; None where there is no reader for it.

    `head`: the first 64 KB, or all of a smaller file.
    """
    return next((kind for kind, fits in _KINDS if fits(head, filename.lower())), None)


def _is_pdf(head: bytes, name: str) -> bool:
    """A text that merely speaks of %PDF- near its beginning is not one."""
    return head.removeprefix(BOM_UTF8).lstrip().startswith(b"%PDF-") or (
        b"%PDF-" in head[:PDF_HEADER_WITHIN] and not is_text(head)
    )


def _is_rtf(head: bytes, name: str) -> bool:
    return head.startswith(b"{\\rtf")


def _is_markdown(head: bytes, name: str) -> bool:
    return name.endswith((".md", ".markdown")) and is_text(head)


def _is_text(head: bytes, name: str) -> bool:
    return is_text(head)


# The first that fits wins. None: known, and not readable as the text its bytes would pass for.
_KINDS: tuple[tuple[str | None, Callable[[bytes, str], bool]], ...] = (
    ("pdf", _is_pdf),
    (None, _is_rtf),
    ("markdown", _is_markdown),
    ("text", _is_text),
)
