"""What PDFium does not tell about a PDF, asked of pypdf: 80 ms to import, so only where it is needed."""

import io
from functools import lru_cache

from pypdf import PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import DictionaryObject

_ERRORS = (PyPdfError, LookupError, ValueError, TypeError, AttributeError, NotImplementedError, RecursionError)


def switched_off(data: bytes) -> frozenset[str]:
    """The names of the layers that are off when the file is opened; none where they cannot be read."""
    try:
        layers = PdfReader(io.BytesIO(data)).root_object.get("/OCProperties", DictionaryObject()).get_object()
        opened = layers.get("/D", DictionaryObject()).get_object()
        begins_off = opened.get("/BaseState") == "/OFF"
        off = layers["/OCGs"] if begins_off else opened.get("/OFF", ())
        on = opened.get("/ON", ()) if begins_off else ()
        return frozenset(str(layer.get_object()["/Name"]) for layer in off if layer not in on)
    except _ERRORS:
        return frozenset()


@lru_cache(maxsize=1)
def _reader(data: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(data))


def text(data: bytes, number: int) -> str:
    """The text of a page, "" where it cannot be read."""
    try:
        return _reader(data).pages[number - 1].extract_text()
    except _ERRORS:
        return ""
