"""What a reader of a PDF sees beside its print: the values of form fields, and text typed onto the page."""

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pypdfium2
from pypdfium2 import raw

from nightshift.knowledge.extract.reading_order import Box

_INVISIBLE = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
_VALUES = (raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX)
_PASSWORD = 1 << 13  # the flag of a text field that shows dots (ISO 32000, table 228)
_TICKS = (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON)


@dataclass(frozen=True)
class Mark:
    """A field's value beside its label; `line` is for one without a label nearby. `box`: left, bottom, right, top."""

    line: str
    value: str = ""
    ticks: bool = False  # its label stands to the right
    box: Box = (0, 0, 0, 0)


def marks_of(page: pypdfium2.PdfPage, form: Any) -> Iterator[Mark]:
    """The marks of a page. `form`: the document's form environment, None without fields."""
    for number in range(raw.FPDFPage_GetAnnotCount(page.raw)):
        annotation = raw.FPDFPage_GetAnnot(page.raw, number)
        try:
            kind = raw.FPDFAnnot_GetSubtype(annotation)
            if raw.FPDFAnnot_GetFlags(annotation) & _INVISIBLE:
                continue
            if kind == raw.FPDF_ANNOT_FREETEXT:
                yield Mark(_string(raw.FPDFAnnot_GetStringValue, annotation, b"Contents"))
            elif kind == raw.FPDF_ANNOT_WIDGET and form:
                yield from _field(form.raw, annotation)
        finally:
            raw.FPDFPage_CloseAnnot(annotation)


def _field(form: Any, field: Any) -> Iterator[Mark]:
    """The field's mark; none for an empty one, or a button."""
    kind = raw.FPDFAnnot_GetFormFieldType(form, field)
    name = _string(raw.FPDFAnnot_GetFormFieldAlternateName, form, field)
    name = name or _string(raw.FPDFAnnot_GetFormFieldName, form, field)
    corners = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(field, corners)
    box = (corners.left, corners.bottom, corners.right, corners.top)
    if raw.FPDFAnnot_GetFormFieldFlags(form, field) & _PASSWORD:
        return
    if kind in _VALUES and (value := _chosen(form, field) or _string(raw.FPDFAnnot_GetFormFieldValue, form, field)):
        yield Mark(f"{name}: {value}", value, False, box)
    elif kind in _TICKS:
        tick = "[x]" if raw.FPDFAnnot_IsChecked(form, field) else "[ ]"
        yield Mark(f"{tick} {name}", tick, True, box)


def _chosen(form: Any, field: Any) -> str:
    """The labels of the options that are chosen in a list: its value is what the form sends."""
    count = max(raw.FPDFAnnot_GetOptionCount(form, field), 0)
    chosen = (number for number in range(count) if raw.FPDFAnnot_IsOptionSelected(form, field, number))
    return ", ".join(_string(raw.FPDFAnnot_GetOptionLabel, form, field, number) for number in chosen)


def _string(call: Callable[..., int], *arguments: Any) -> str:
    """What a function of PDFium writes into a buffer: UTF-16 with a NUL at its end."""
    length = call(*arguments, None, 0)
    buffer = ctypes.create_string_buffer(length)
    call(*arguments, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), length)
    return buffer.raw[: max(length - 2, 0)].decode("utf-16-le", "replace").strip()
