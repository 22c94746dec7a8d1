"""The operator's commands: `make ops CMD="failed"`, `CMD="retry <job> <row id>"`, `CMD="check-balances"`."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from sqlalchemy.exc import DBAPIError

from nightshift.billing.credits import differences
from nightshift.channels import accounts
from nightshift.db.session import transaction
from nightshift.server_errors import reason
from nightshift.settings import SettingsError
from runner.failed import failed, retry, retry_queue
from runner.registry import JOBS, QUEUES


def main(arguments: Sequence[str]) -> int:
    """The exit status; what went wrong goes to stderr in one line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "retry" and (options.row_id is None) is (options.queue is None):
        parser.error("retry takes a job and a row id, or --queue")
    try:
        return int(options.act(options))
    except SettingsError as error:
        print(error, file=sys.stderr)
    except DBAPIError as error:
        print(reason(error), file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make ops", usage='make ops CMD="<command> ..."')
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("failed", help="list the FAILED rows", usage='make ops CMD="failed [--queue Q]"')
    retry_usage = 'make ops CMD="retry <job> <row id>" or CMD="retry --queue Q"'
    again = commands.add_parser("retry", help="enqueue FAILED rows again, with all attempts", usage=retry_usage)
    again.add_argument("job", nargs="?")
    again.add_argument("row_id", nargs="?")
    rotate = commands.add_parser("rotate-credentials", help="seal all credentials under the newest of CREDENTIAL_KEYS")
    for command in (listing, again):
        command.add_argument("--queue", choices=QUEUES)
    listing.set_defaults(act=lambda options: _failed(options.queue))
    again.set_defaults(act=lambda options: _retry(options.job, options.row_id, options.queue))
    rotate.set_defaults(act=lambda _: _rotate())
    balances = commands.add_parser(
        "check-balances", help="compare each balance with its ledger", usage='make ops CMD="check-balances"'
    )
    balances.set_defaults(act=lambda _: _check_balances())
    return parser


def _failed(queue: str | None) -> int:
    """One line each: job, row id, workspace, runs, when, why."""
    rows = failed(queue)
    if not rows:
        print("Nothing is FAILED.", file=sys.stderr)
    for row in rows:
        when = f"{row.updated_at:%Y-%m-%dT%H:%M:%SZ}"
        print(f"{row.job} {row.row_id} {row.workspace_id or '-'} {row.runs} {when} {row.error or '-'}")
    return 0


def _retry(job: str | None, row_id: str | None, queue: str | None) -> int:
    if queue is not None:
        print(f"{retry_queue(queue)} enqueued again.")
        return 0
    if job not in JOBS:
        print(f"No such job: {job}. Jobs: {', '.join(JOBS)}.", file=sys.stderr)
        return 1
    if retry(str(job), str(row_id)):
        print(f"{job} {row_id} is enqueued again.")
        return 0
    print(f"{job} {row_id} is not FAILED.", file=sys.stderr)
    return 1


def _rotate() -> int:
    """After it, only the newest key is needed for credentials (answers kept for an Idempotency-Key need theirs for a week)."""
    count, lost = accounts.rotate()
    print(f"{count} sealed under the newest key.")
    for scope in lost:
        print(f"{scope}: no key of CREDENTIAL_KEYS opens these credentials.", file=sys.stderr)
    return 1 if lost else 0


def _check_balances() -> int:
    """One line for each difference: workspace, balance, sum of its ledger. The status is 1 where there is any."""
    with transaction() as session:
        found = differences(session)
    for row in found:
        print(f"{row.workspace_id} {row.balance} {row.total}")
    print(f"{len(found)} balances differ from their ledger.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    import_module("jobs")  # it registers them: the engine knows none by name
    sys.exit(main(sys.argv[1:]))
