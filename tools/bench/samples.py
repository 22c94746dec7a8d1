"""Texts to ingest: the same ones in each run."""

import io
import random
from typing import Any

from docx import Document
from openpyxl import Workbook
from reportlab.pdfgen.canvas import Canvas

from nightshift.knowledge.chunk import Chunk

WORDS = (
    "order parcel return refund customer invoice agent warehouse shipping delay Monday account password reset subscription "
    "payment card address island ferry window support ticket answer question policy warranty battery"
).split()


def prose(seed: int, characters: int) -> str:
    chooser = random.Random(seed)
    words: list[str] = []
    size = 0
    while size < characters:
        word = f"{chooser.choice(WORDS)}{chooser.randrange(200)}" if chooser.random() < 0.2 else chooser.choice(WORDS)
        words.append(word + ("." if chooser.random() < 0.08 else ""))
        size += len(word) + 1
    return " ".join(words)


def passages(count: int) -> list[Chunk]:
    return [Chunk(1 + n // 3, ("A heading",), n * 1600, n * 1600 + 1500, n, prose(n, 1500)) for n in range(count)]


def docx(paragraphs: int) -> bytes:
    """With a heading before every tenth one."""
    document = Document()
    for number in range(paragraphs):
        if number % 10 == 0:
            document.add_heading(prose(number, 30))
        document.add_paragraph(prose(number, 400))
    return saved(document)


def xlsx(rows: int, columns: int) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Prices")
    sheet.append([f"Column {n}" for n in range(columns)])
    for row in range(rows):
        sheet.append([prose(row, 20), *(row * n / 7 for n in range(1, columns))])
    return saved(book)


def html(paragraphs: int) -> bytes:
    parts = (f"<h2>{prose(n, 30)}</h2>" * (n % 10 == 0) + f"<p>{prose(n, 400)}</p>" for n in range(paragraphs))
    return f"<!doctype html><title>Help</title><main>{''.join(parts)}</main>".encode()


def saved(made: Any) -> bytes:
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def thousand_pages() -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file)
    for page in range(1000):
        line = canvas.beginText(50, 800)
        words = prose(page, 2400).split()
        for start in range(0, len(words), 12):
            line.textLine(" ".join(words[start : start + 12]))
        canvas.drawText(line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()
