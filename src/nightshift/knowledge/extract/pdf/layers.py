"""The layers of a PDF that are switched off."""

import ctypes

import pypdfium2
from pypdfium2 import raw

_LAYERS = b"/OCProperties"
_PACKED = b"/ObjStm"  # objects that are compressed, among which it may be
_NAME_BYTES = 1024


def switched_off(data: bytes) -> frozenset[str]:
    """The names of the layers that are off when the file is opened. PDFium knows them, but does not tell."""
    if _LAYERS not in data and _PACKED not in data:
        return frozenset()
    from nightshift.knowledge.extract.pdf import objects

    return objects.switched_off(data)


def remove(page: pypdfium2.PdfPage, names: frozenset[str]) -> None:
    """Take what stands on these layers off the page."""
    for thing in list(page.get_objects(max_depth=1)) if names else ():
        marks = (raw.FPDFPageObj_GetMark(thing.raw, number) for number in range(raw.FPDFPageObj_CountMarks(thing.raw)))
        if any(_layer(mark) in names for mark in marks):
            raw.FPDFPage_RemoveObject(page.raw, thing.raw)


def _layer(mark: raw.FPDF_PAGEOBJECTMARK) -> str:
    """The name of the layer that a mark stands for."""
    length = ctypes.c_ulong()
    buffer = ctypes.create_string_buffer(_NAME_BYTES)
    text = ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort))
    raw.FPDFPageObjMark_GetParamStringValue(mark, b"Name", text, _NAME_BYTES, length)
    return buffer.raw[: length.value].decode("utf-16-le", "replace").rstrip("\0")
