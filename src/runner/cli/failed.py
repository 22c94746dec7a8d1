"""`nightshift failed` and `nightshift retry`: what is FAILED, and all of it that matches again."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import reduce
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from nightshift import clock
from nightshift.db.session import statement, transaction
from runner.cli import Wrong, nightshift
from runner.cli.output import json_option, print_json, show
from runner.operations import failed_work
from runner.operations.failed_work import Filters
from runner.registry import JOBS, QUEUES

COLUMNS = ("job", "row_id", "workspace_id", "runs", "failed_at", "error")
LEFT = "SELECT count(*) AS number FROM retries WHERE at <= %(last)s"
LAST = "SELECT max(at) AS at FROM retries"
MORE_SECONDS = 10  # for a dispatcher; one that is away is not waited for


class Moment(click.ParamType):
    """A day or a time; without a zone it is UTC."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        try:
            return clock.parse(value)
        except ValueError:
            self.fail(f"{value!r} is no day or time, like 2026-11-24 or 2026-11-24T09:30:00Z.", param, ctx)


def filtered(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which FAILED work."""
    options = (
        click.option("--queue", type=click.Choice(list(QUEUES))),
        click.option("--job", type=click.Choice(list(JOBS))),
        click.option("--workspace", metavar="ID"),
        click.option("--error", metavar="TEXT", help="A part of the error, in any case."),
        click.option("--since", type=Moment(), help="Failed then or later, like 2026-11-24T09:30Z."),
        click.option("--id", "row_id", metavar="ID", help="Of a document, a message, a mail, a day or a month."),
    )
    return reduce(lambda decorated, option: option(decorated), reversed(options), command)


@nightshift.command()
@filtered
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.option("--by-error", is_flag=True, help="The newest 10,000 by job and error, the most frequent first.")
@json_option
def failed(limit: int, by_error: bool, as_json: bool, **which: Any) -> None:
    """What is FAILED, newest first: job, id, workspace, runs, when, why."""
    with transaction() as session:
        if by_error:
            rows = failed_work.by_error(session, Filters(**which), limit)
            columns: tuple[str, ...] = ("number", "job", "first_at", "last_at", "error")
        else:
            rows, columns = failed_work.listed(session, Filters(**which), limit), COLUMNS
    show(columns, rows, as_json, "Nothing that matches is FAILED.")


@nightshift.command()
@filtered
@click.option("--all", "everything", is_flag=True, help="All that is FAILED, without a filter.")
@click.option("--dry-run", is_flag=True, help="Only say what it would do.")
@json_option
def retry(everything: bool, dry_run: bool, as_json: bool, **which: Any) -> None:
    """Retry all FAILED work that matches, with all attempts, 30 rows a second in the order of each customer."""
    if everything is any(value is not None for value in which.values()):
        raise click.UsageError("Say which, or --all.")
    with transaction() as session:
        found = failed_work.preview(session, Filters(**which))
        queued = 0 if dry_run else failed_work.retry_all(session, Filters(**which))
    if as_json:
        sample = [{name: getattr(row, name) for name in COLUMNS} for row in found.sample]
        jobs = [{"job": job, "number": number} for job, number in found.jobs.items()]
        print_json({**vars(found), "jobs": jobs, "sample": sample} if dry_run else {"queued": queued})
    elif dry_run:
        _say(found)
    elif not queued:
        raise Wrong("Nothing that matches is FAILED.")
    else:
        _follow(queued, found.seconds)
        click.echo(f"{queued} are retried; the last one is enqueued within {found.seconds} s.")


def _say(found: failed_work.Preview) -> None:
    click.echo(
        f"{found.matched} would be retried, within {found.seconds} s. {found.may_arrive_twice} may arrive twice."
    )
    show((*COLUMNS, "doubtful"), found.sample, False, "Nothing that matches is FAILED.")


def _follow(queued: int, seconds: int) -> None:
    """A progress bar until the last one is enqueued, or could have been. Ctrl-C ends the bar, not the retries."""
    if not Console(stderr=True).is_terminal:
        return
    last, until = statement(LAST)[0].at, time.monotonic() + seconds + MORE_SECONDS
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Retrying", total=queued)
        while last and time.monotonic() < until and (left := statement(LEFT, last=last)[0].number):
            bar.update(task, completed=max(0, queued - left))
            time.sleep(0.5)
