"""`nightshift status` and `nightshift queues`: how it stands."""

import time
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from runner.cli import Wrong, nightshift
from runner.cli.output import cell, json_option, print_json, show, table
from runner.operations import figures, verdict
from runner.operations.cards import Card
from runner.operations.doctor import examine

COLUMNS = (
    "name", "state", "depth", "oldest_wait_seconds", "running", "workers", "later", "done_last_hour", "failed_last_hour",
    "failed", "median_seconds", "p95_seconds",
)  # fmt: skip


@nightshift.command()
@click.option("--doctor", is_flag=True, help="Look at servers, schema, keys and rights instead, one line each.")
@json_option
@click.pass_context
def status(context: click.Context, doctor: bool, as_json: bool) -> None:
    """One screen: is it healthy, since when, the one cause, the next thing to do. Exits with 1 if it is not."""
    if doctor:
        findings = examine()
        show(("name", "found", "action"), findings, as_json, titles=True)
        context.exit(any(finding.action for finding in findings))
    found = verdict.look()
    now, known = found.verdict, found.figures
    rows, counts = (_rows(known.cards), vars(known.counts)) if known else ([], {})
    if as_json:
        print_json({"verdict": vars(now), **counts, "queues": rows})
    else:
        when = f" since {cell(now.since)}" if now.since else ""
        click.echo(f"{now.state}{when}\n  {now.cause}\n  {now.action}\n")
        show(COLUMNS[:9], rows, False, titles=True)
        click.echo("\n" + "  ".join(f"{name} {number}" for name, number in counts.items()))
    context.exit(0 if now.state == verdict.HEALTHY else 1)


@nightshift.command()
@click.option("--watch", is_flag=True, help="Keep it up to date until Ctrl-C.")
@json_option
def queues(watch: bool, as_json: bool) -> None:
    """Each queue: what waits and for how long, what runs, what was done and failed in the last hour."""
    if not watch:
        show(COLUMNS, _rows(figures.read().cards), as_json, titles=True)
        return
    if not Console().is_terminal:
        raise Wrong("--watch needs a terminal.")
    with Live(_live(), auto_refresh=False) as screen:
        while True:
            time.sleep(1)
            screen.update(_live(), refresh=True)


def _live() -> Table:
    return table(COLUMNS, _rows(figures.read().cards))


def _rows(cards: list[Card]) -> list[dict[str, Any]]:
    return [{name: getattr(card, name) for name in COLUMNS} for card in cards]
