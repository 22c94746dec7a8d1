"""Documents made by real producers."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas


@pytest.fixture
def make_pdf(tmp_path: Path) -> Callable[..., Path]:
    """A PDF with these pages; None is a picture without text."""

    def make_pdf(*pages: str | None) -> Path:
        canvas = Canvas(str(tmp_path / "made.pdf"))
        for page in pages:
            if page is None:
                canvas.drawImage(ImageReader(Image.new("L", (60, 80), 200)), 0, 0, 500, 700)
            for number, line in enumerate((page or "").split("\n")):
                canvas.drawString(50, 780 - 15 * number, line)
            canvas.showPage()
        canvas.save()
        return tmp_path / "made.pdf"

    return make_pdf


@pytest.fixture
def lock() -> Callable[[Path, str], Path]:
    """Encrypt a PDF in place."""

    def lock(path: Path, password: str) -> Path:
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(path.read_bytes()))
        writer.encrypt(password, algorithm="RC4-128")
        writer.write(path)
        return path

    return lock
