"""Web pages from an address: the main text (F1 .96; all text .67). Runs in a child process, see `child`."""

from pathlib import Path

import trafilatura

from nightshift.errors import PermanentError
from nightshift.knowledge.extract import html, markdown
from nightshift.knowledge.extract.blocks import Extracted, sections
from nightshift.knowledge.text import clean, decode

_SCRIPTED = "This page shows no text without JavaScript. Use the address of a page that does, or upload its text."


def read(path: Path) -> Extracted:
    """One block for each heading; all visible text where no main text is found. Raises PermanentError for only scripts."""
    page = decode(path.read_bytes())
    whole = [block for block in sections(html.paragraphs(page)) if block.text]
    if not whole and "<script" in page.lower():  # noscript only asks for JavaScript
        raise PermanentError(_SCRIPTED)
    main = trafilatura.extract(page, output_format="markdown", include_tables=True, include_formatting=True)
    return Extracted(list(markdown.sections(clean(main))) if main and whole else whole)
