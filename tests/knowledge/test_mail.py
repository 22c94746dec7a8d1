from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import pytest
from extracted import Extracted, extract

from nightshift.errors import PermanentError


def a_message(subject: str = "Rückgabe") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["Subject"] = "ann@example.com", subject
    message.set_content("Nur Text, für alte Programme.")
    message.add_alternative("<html><body><h2>Frist</h2><p>Bis 31. März.</p></body></html>", subtype="html")
    return message


def read(data: bytes, path: Path) -> Extracted:
    (path / "made.eml").write_bytes(data)
    return extract("mail", path / "made.eml")


def test_the_richest_alternative_is_read_below_the_subject(tmp_path: Path) -> None:
    found = read(bytes(a_message()), tmp_path)
    assert [block.headings for block in found.blocks] == [("Rückgabe",), ("Rückgabe", "Frist")]
    assert "Bis 31. März." in found.blocks[1].text
    assert not any("Nur Text" in block.text for block in found.blocks)


def test_attachments_become_a_note_of_bounded_length_and_messages_in_messages_are_read(tmp_path: Path) -> None:
    message = a_message("Fwd")
    for _ in range(30):
        message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="n" * 5000 + ".png")
    message.add_attachment(a_message("Inner"))
    found = read(bytes(message), tmp_path)
    assert len(found.notes[0]) < 1200 and found.notes[0].endswith("and 20 more.")
    assert ("Inner", "Frist") in [block.headings for block in found.blocks]


def test_each_message_of_a_mailbox_is_read(tmp_path: Path) -> None:
    box = b"".join(
        b"From a@example.com Mon Jan 1 10:00:00 2024\n" + bytes(a_message(name)) + b"\n" for name in ("One", "Two")
    )
    assert {block.headings[0] for block in read(box, tmp_path).blocks} == {"One", "Two"}


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n--x",
        b"Content-Type: text/html; charset=none\n\nhello",
    ],
)
def test_a_broken_message_is_no_crash(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / "made.eml").write_bytes(b"Subject: x\n" + broken + b"\n\nsome text")
    with suppress(PermanentError):  # "This file contains no text."
        assert "some text" in extract("mail", tmp_path / "made.eml").blocks[0].text
