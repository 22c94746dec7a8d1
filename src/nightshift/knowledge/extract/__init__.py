"""Extracts the text of a file, with the location of each part.

Add a format: a module with `read(path) -> Extracted`, a line in one of the two tables, a line in `sniff._KINDS`.
"""

from collections.abc import Callable
from pathlib import Path

from nightshift.errors import PermanentError, one_line
from nightshift.knowledge.extract import child, plain
from nightshift.knowledge.extract.blocks import Block, Extracted

__all__ = ["Block", "Extracted", "extract"]

MAX_NOTES, MAX_NOTE = 10, 1200  # of a document; characters of each

IN_PROCESS: dict[str, Callable[[Path], Extracted]] = {"text": plain.read}
# The other formats are parsed in a child process, where a parser may crash or hang: the module whose `read` runs there.
IN_CHILD: dict[str, str] = {
    kind: f"nightshift.knowledge.extract.{module}"
    for kind, module in {
        "pdf": "pdf",
        "docx": "docx",
        "pptx": "pptx",
        "doc": "office97",
        "ppt": "office97",
        "epub": "epub",
        "xlsx": "xlsx",
        "xls": "xls",
        "ods": "ods",
        "html": "html",
        "webpage": "webpage",  # the main text of HTML from an address: never returned by `sniff`
        "mail": "mail",
        "csv": "delimited",
        "markdown": "markdown",
    }.items()
}


def extract(kind: str, path: Path, timeout_seconds: float = child.TIMEOUT_SECONDS) -> Extracted:
    """The blocks of the file at `path`: at least one, none blank. `kind` comes from `sniff.kind_of`.

    Raises PermanentError with a sentence for the customer; TemporaryError if the reader was stopped from outside;
    KeyError for a kind without a reader.
    """
    found = IN_PROCESS[kind](path) if kind in IN_PROCESS else child.read(IN_CHILD[kind], path, timeout_seconds)
    blocks = [block for block in found.blocks if block.text and not block.text.isspace()]
    if not blocks:
        raise PermanentError("This file contains no text. Upload one that does.")
    return Extracted(blocks, _shortened(found.notes))


def _shortened(notes: list[str]) -> list[str]:
    """At most `MAX_NOTES`, none too long: names that stand in a file are in them."""
    more = [f"There are {len(notes) - MAX_NOTES} more notes."] if len(notes) > MAX_NOTES else []
    return [one_line(note, MAX_NOTE) for note in notes[:MAX_NOTES]] + more
