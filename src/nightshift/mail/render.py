"""Renders a mail's HTML and plain text from templates."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from nightshift.mail.kinds import line, shown


@dataclass(frozen=True)
class Rendered:
    """A mail: `subject` is one line, `html` is escaped, `text` has the same content."""

    subject: str
    html: str
    text: str


def render(kind: str, workspace: str, values: dict[str, Any]) -> Rendered:
    """The mail of this kind. `workspace`: its name; `values`: see kinds."""
    subject, fields = shown(kind, values)
    fields = {**fields, "subject": subject, "workspace": line(workspace)}
    html, text = (_templates().get_template(f"{kind}.{form}").render(fields) for form in ("html", "txt"))
    return Rendered(subject, html, text)


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
