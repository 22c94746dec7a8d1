"""What an operator does by hand: `make ops CMD="failed"`, `CMD="retry <job> <row id>"`, `CMD="check-balances"`."""

import argparse
import sys
from collections.abc import Sequence

from sqlalchemy.exc import OperationalError

from jobs.queues import QUEUES
from jobs.registry import JOBS
from jobs.replay import replay, replay_queue, resting
from nightshift.billing.credits import differences
from nightshift.channels import accounts
from nightshift.db.session import transaction
from nightshift.settings import SettingsError


def main(arguments: Sequence[str]) -> int:
    """The exit status; what went wrong goes to stderr in one line."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.command == "retry" and (asked.row_id is None) is (asked.queue is None):
        parser.error("retry takes a job and a row id, or --queue")
    try:
        return int(asked.act(asked))
    except SettingsError as error:
        print(error, file=sys.stderr)
    except OperationalError:
        print("The database does not answer.", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make ops", usage='make ops CMD="<command> ..."')
    commands = parser.add_subparsers(dest="command", required=True)
    failed = commands.add_parser("failed", help="list what rests as failed", usage='make ops CMD="failed [--queue Q]"')
    retry_usage = 'make ops CMD="retry <job> <row id>" or CMD="retry --queue Q"'
    retry = commands.add_parser("retry", help="try it again, with all attempts", usage=retry_usage)
    retry.add_argument("job", nargs="?")
    retry.add_argument("row_id", nargs="?")
    rotate = commands.add_parser("rotate-credentials", help="seal all credentials under the newest of CREDENTIAL_KEYS")
    for command in (failed, retry):
        command.add_argument("--queue", choices=QUEUES)
    failed.set_defaults(act=lambda asked: _failed(asked.queue))
    retry.set_defaults(act=lambda asked: _retry(asked.job, asked.row_id, asked.queue))
    rotate.set_defaults(act=lambda _: _rotate())
    balances = commands.add_parser(
        "check-balances", help="compare each balance with its ledger", usage='make ops CMD="check-balances"'
    )
    balances.set_defaults(act=lambda _: _check_balances())
    return parser


def _failed(queue: str | None) -> int:
    """One line each: job, row id, workspace, runs, when, why."""
    rows = resting(queue)
    if not rows:
        print("Nothing rests as failed.", file=sys.stderr)
    for row in rows:
        when = f"{row.updated_at:%Y-%m-%dT%H:%M:%SZ}"
        print(f"{row.job} {row.row_id} {row.workspace_id or '-'} {row.runs} {when} {row.error or '-'}")
    return 0


def _retry(job: str | None, row_id: str | None, queue: str | None) -> int:
    if queue is not None:
        print(f"{replay_queue(queue)} tried again.")
        return 0
    if job not in JOBS:
        print(f"There is no job {job}: there are {', '.join(JOBS)}.", file=sys.stderr)
        return 1
    if replay(str(job), str(row_id)):
        print(f"{job} {row_id} is tried again.")
        return 0
    print(f"{job} {row_id} does not rest as failed.", file=sys.stderr)
    return 1


def _rotate() -> int:
    """After it, only the newest key is needed for credentials (answers kept for an Idempotency-Key need theirs for a week)."""
    count, lost = accounts.rotate()
    print(f"{count} sealed under the newest key.")
    for place in lost:
        print(f"{place}: no key of CREDENTIAL_KEYS opens these credentials.", file=sys.stderr)
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
    sys.exit(main(sys.argv[1:]))
