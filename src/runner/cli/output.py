"""How the commands print: tables for a terminal, one line a row for other programs, JSON where it is asked for."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click
from pydantic.alias_generators import to_camel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nightshift.clock import rfc_3339

WIDTH = 160  # of a table that goes to a file
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def show(columns: Sequence[str], rows: Iterable[Any], as_json: bool, none: str = "", titles: bool = False) -> None:
    """Print these attributes, or items, of the rows. `none`: said on stderr where there are no rows. `titles`: other programs
    get them too."""
    values = [{name: row[name] if isinstance(row, dict) else getattr(row, name) for name in columns} for row in rows]
    if as_json:
        print_json(values)
    elif not values:
        click.echo(none, err=True)
    elif (console := Console()).is_terminal or titles:
        console.width = console.width if console.is_terminal else WIDTH
        console.print(table(columns, values))
    else:
        for row in values:
            click.echo(" ".join(cell(row[name]) for name in columns))


def table(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> Table:
    """Numbers stand right-aligned; what is someone else's text is printed as it is."""
    drawn, listed = Table(box=None, pad_edge=False, header_style="bold"), list(rows)
    for name in columns:
        numeric = all(isinstance(row[name], int | float | None) for row in listed)
        whole = not numeric and name != columns[-1]  # ids and times stay in one piece
        drawn.add_column(name.replace("_", " "), justify="right" if numeric else "left", overflow="fold", no_wrap=whole)
    for row in listed:
        drawn.add_row(*(Text(cell(row[name])) for name in columns))
    return drawn


def print_json(value: Any) -> None:
    click.echo(json.dumps(_camel(value), indent=2, ensure_ascii=False, default=rfc_3339))


def cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return rfc_3339(value)[:19] + "Z"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _camel(value: Any) -> Any:
    """As the API writes it."""
    if isinstance(value, dict):
        return {to_camel(name): _camel(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_camel(each) for each in value]
    return value
