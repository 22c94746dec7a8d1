"""Documents made by real producers."""

import io
import zipfile
from collections.abc import Callable, Mapping
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


@pytest.fixture
def make_zip(tmp_path: Path) -> Callable[[Mapping[str, str | bytes]], Path]:
    """A zip file of these parts in order, the first not compressed, as EPUB and OpenDocument require."""

    def make_zip(parts: Mapping[str, str | bytes]) -> Path:
        with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
            for number, (name, content) in enumerate(parts.items()):
                archive.writestr(name, content, zipfile.ZIP_DEFLATED if number else zipfile.ZIP_STORED)
        return tmp_path / "made.zip"

    return make_zip
