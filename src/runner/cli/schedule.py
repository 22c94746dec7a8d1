"""`nightshift schedule`: what runs when, and running a slot by hand."""

import click

from nightshift.db.session import transaction
from runner.cli import Wrong, nightshift
from runner.cli.output import json_option, print_json, show
from runner.operations import schedule as entries
from runner.operations.schedule import Scheduled


@nightshift.group(invoke_without_command=True)
@json_option
@click.pass_context
def schedule(context: click.Context, as_json: bool) -> None:
    """The entries with their next and last slots."""
    if context.invoked_subcommand:
        return
    with transaction() as session:
        found = entries.entries(session)
    if as_json:
        print_json([{**vars(entry), "last": [vars(slot) for slot in entry.last]} for entry in found])
    else:
        columns = ("entry", "cron", "next", "last_slot", "id", "state", "runs", "error")
        show(columns, [_row(entry) for entry in found], False)


@schedule.command()
@click.argument("entry")
@click.argument("slot")
def run(entry: str, slot: str) -> None:
    """Run a slot, again too: its time, or the day or month that it enqueues (`nightshift schedule run daily-rollup
    2026-11-24`)."""
    try:
        with transaction() as session:
            found = entries.run(session, entry, slot)
    except ValueError as error:
        raise Wrong(f"SLOT {error}.") from None
    except (LookupError, RuntimeError) as error:
        raise Wrong(str(error.args[0])) from None
    click.echo(f"{entry}: {found.id} is enqueued.")


def _row(entry: Scheduled) -> dict[str, object]:
    newest = entry.last[0] if entry.last else None
    return dict(
        entry=entry.name, cron=entry.cron, next=entry.next, last_slot=newest and newest.at, id=newest and newest.id,
        state=newest and newest.state, runs=newest and newest.runs, error=newest and newest.error,
    )  # fmt: skip
