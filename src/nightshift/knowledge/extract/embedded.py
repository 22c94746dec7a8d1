"""Parts of a DOCX in other formats: web pages, MHT, text."""

from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default

from nightshift.knowledge.extract import html
from nightshift.knowledge.extract.blocks import Paragraph
from nightshift.knowledge.text import decode, is_text

_LEFT_OUT = "A part of this document is in a format that cannot be read here (such as RTF) and was left out."


def paragraphs(data: bytes, notes: list[str]) -> Iterator[Paragraph]:
    """The paragraphs of such a part. Another format becomes a note."""
    text = decode(data)
    head = text[:1000].lower()
    if "mime-version:" in head or "content-type: multipart" in head:
        found = message_from_bytes(data, policy=default).get_body(("html", "plain"))
        text = found.get_content() if found else ""
    if text.startswith("{\\rtf") or not is_text(data):
        notes.append(_LEFT_OUT)
    elif "<" in text:
        yield from html.paragraphs(text)
    else:
        yield Paragraph(text)
