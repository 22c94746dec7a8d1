"""`nightshift show <any id>`: one screen on one piece of work."""

from typing import Any

import click

from nightshift.db.session import transaction
from runner.cli import Wrong, nightshift, output
from runner.cli.output import json_option, print_json
from runner.operations import shown


@nightshift.command()
@click.argument("row_id", metavar="ID")
@json_option
def show(row_id: str, as_json: bool) -> None:
    """A document, a message, a mail, a slot's day or month: its row, attempts, job in Redis, ids in the log."""
    with transaction() as session:
        found = shown.find(session, row_id)
    if found is None:
        raise Wrong(f"Nothing here has the id {row_id}.")
    if as_json:
        print_json(found)
        return
    if found["kind"]:
        _fields(found["kind"], found["row"])
    for job in found["jobs"]:
        row = job.pop("row")
        _fields(row["job"], row | job | {"log_ids": " ".join(job["log_ids"])})
    for title in ("attempts", "deliveries"):
        if rows := found[title]:
            click.secho(title, bold=True)
            output.show(tuple(rows[0]), rows, False, titles=True)


def _fields(title: str, values: dict[str, Any]) -> None:
    click.secho(title, bold=True)
    for name, value in values.items():
        if value not in (None, "", [], 0):
            click.echo(f"  {name:<17} {output.cell(value)}")
    click.echo()
