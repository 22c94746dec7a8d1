"""MIME messages: mail, web archives, and pages that Confluence and Word save as .doc. Runs in a child process, see `child`."""

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from typing import IO, Any

from nightshift.knowledge.charset import as_declared
from nightshift.knowledge.extract.blocks import Extracted, Paragraph, sections
from nightshift.knowledge.extract.web import html
from nightshift.knowledge.text import clean, decode

MAX_NAME = 100  # characters of an attachment's name
MAX_NAMES = 10  # of attachments in a note

_NEXT = re.compile(rb"(?<=\n)\r?\n(?=From .*\n[A-Za-z-]+:)")  # where a mailbox file has its next message


def read(file: IO[bytes]) -> Extracted:
    """One block for each heading; a message begins with its subject. Its attachments become a note."""
    left_out: list[str] = []
    messages = [message_from_bytes(data, policy=default) for data in _messages(file.read())]
    found = [paragraph for message in messages for paragraph in _paragraphs(message, left_out)]
    more = f" and {len(left_out) - MAX_NAMES} more" if len(left_out) > MAX_NAMES else ""
    notes = [f"Attachments were left out: {', '.join(left_out[:MAX_NAMES])}{more}."] if left_out else []
    return Extracted(sections(found), notes)


def _messages(data: bytes) -> list[bytes]:
    """Those of a mailbox file, which begins like each of its messages; else the one."""
    return _NEXT.split(data) if data.startswith(b"From ") else [data]


def paragraphs(data: bytes) -> Iterator[Paragraph]:
    """The text of a message without a subject, as of a page that Word saved as a web archive."""
    return _parts(message_from_bytes(data, policy=default), [])


def _paragraphs(message: Any, left_out: list[str]) -> Iterator[Paragraph]:
    sender = str(message["From"] or "")
    if sender and "Saved by " not in sender and message["Subject"]:  # a web archive's subject is its program's words
        yield Paragraph(str(message["Subject"]), 1)
        yield Paragraph("\n".join(f"{name}: {message[name]}" for name in ("From", "To", "Date") if message[name]))
    yield from _parts(message, left_out)


def _parts(message: Any, left_out: list[str]) -> Iterator[Paragraph]:
    """The text of each part that is shown; of alternatives the last that is text, which is the richest."""
    kind = message.get_content_type()
    if kind.startswith("multipart/") and not message.is_multipart():  # without the boundary that would divide it
        kind = "text/plain"
    if kind == "multipart/alternative":
        texts = [part for part in message.iter_parts() if _has_text(part)]
        yield from _parts(texts[-1], left_out) if texts else ()
    elif message.is_multipart():
        for part in message.iter_parts() if kind != "message/rfc822" else message.get_payload():
            yield from _parts(part, left_out) if kind != "message/rfc822" else _paragraphs(part, left_out)
    elif message.is_attachment() or kind not in ("text/html", "text/plain"):
        if name := message.get_filename():
            left_out.append(clean(" ".join(name.split()))[:MAX_NAME])
    else:
        data = message.get_payload(decode=True) or b""
        text = decode(as_declared(data, message.get_content_charset()))
        yield from html.paragraphs(text) if kind == "text/html" else (Paragraph(text) for text in text.split("\n\n"))


def _has_text(part: Any) -> bool:
    return any(each.get_content_type() in ("text/html", "text/plain") for each in part.walk())
