from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from nightshift.knowledge.sniff import kind_of


@pytest.mark.parametrize(
    ("head", "filename", "kind"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a.txt", "pdf"),
        (b"\xef\xbb\xbf\r\n%PDF-1.4\n", "a.pdf", "pdf"),
        (b"\0" * 1000 + b"%PDF-1.4\n", "a.pdf", "pdf"),
        (b"\0" * 1024 + b"%PDF-1.4\n", "a.pdf", None),
        (b"MZ\x90\x00\x03\x00\x00\x00", "invoice.pdf", None),
        (b"PK\x03\x04\x14\x00\x06\x00", "a.docx", None),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a.txt", None),
        (b"{\\rtf1\\ansi hello}", "a.txt", None),
        (b"# Title\n\ntext", "A.MD", "markdown"),
        (b"# Title\n\ntext", "a.markdown", "markdown"),
        (b"# Title\n\ntext", "a.txt", "text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a.md", None),
        (b"A PDF begins with %PDF-1.7, they say.", "a.md", "markdown"),
        ("Grüße".encode("utf-16"), "a", "text"),
        (b"", "", "text"),
    ],
)
def test_the_content_decides_what_a_file_is(head: bytes, filename: str, kind: str | None) -> None:
    assert kind_of(io.BytesIO(head), filename) == kind


def test_a_made_pdf_is_a_pdf(make_pdf: Callable[..., Path]) -> None:
    assert kind_of(io.BytesIO(make_pdf("words").read_bytes()), "words") == "pdf"
