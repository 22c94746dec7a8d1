"""Parts of a DOCX in other formats: web pages, MHT, text."""

from collections.abc import Iterator

from nightshift.knowledge.extract import mail
from nightshift.knowledge.extract.blocks import Paragraph
from nightshift.knowledge.extract.web import html
from nightshift.knowledge.sniff_text import is_mail
from nightshift.knowledge.text import decode, is_text

_LEFT_OUT = "A part of this document is in a format that cannot be read here (such as RTF) and was left out."


def paragraphs(data: bytes, notes: list[str]) -> Iterator[Paragraph]:
    """The paragraphs of such a part. Another format becomes a note."""
    if data.startswith(b"{\\rtf") or not is_text(data):
        notes.append(_LEFT_OUT)
    elif is_mail(data, ".mht"):
        yield from mail.paragraphs(data)
    elif "<" in (text := decode(data)):
        yield from html.paragraphs(text)
    else:
        yield Paragraph(text)
