"""Pauses, workspaces and their keys, sealed credentials, balances, the schema."""

import click

from nightshift import workspaces
from nightshift.billing.credits import differences
from nightshift.billing.grants import grant_this_month
from nightshift.channels import accounts
from nightshift.db.migrate import migrate as migrate_schema
from nightshift.db.models import ApiKey, Workspace
from nightshift.db.session import transaction
from nightshift.outbox import pauses
from runner.cli import Wrong, nightshift
from runner.cli.output import json_option, print_json, show
from runner.operations import queues
from runner.registry import QUEUES

CREDITS = click.IntRange(0, 10**15)


@nightshift.command()
@click.argument("queue", type=click.Choice(list(QUEUES)), required=False)
@click.option("--reason", help="Why, for those who meet it.")
@json_option
def pause(queue: str | None, reason: str | None, as_json: bool) -> None:
    """Pause a queue: nothing of it is dispatched, and nothing is lost. Without a queue: list what is paused."""
    if queue and not reason:
        raise click.UsageError("Give a --reason.")
    with transaction() as session:
        if queue and reason:
            queues.pause(session, queue, reason)
        paused = pauses.listed(session, None)
    show(("id", "queue", "since", "reason"), paused, as_json, "No queue is paused.")


@nightshift.command()
@click.argument("queue", type=click.Choice(list(QUEUES)))
def resume(queue: str) -> None:
    """End a queue's pause: what was held is done now."""
    with transaction() as session:
        if not queues.resume(session, queue):
            raise Wrong(f"{queue} is not paused.")
    click.echo(f"{queue} is resumed.")


@nightshift.group()
def workspace() -> None:
    """Workspaces."""


@workspace.command("create")
@click.option("--name", required=True)
@click.option("--notify-email", required=True, help="Where its mail goes.")
@click.option("--monthly-grant", type=CREDITS, default=0, show_default=True)
@click.option("--low-threshold", type=CREDITS, default=0, show_default=True)
@json_option
def create_workspace(name: str, notify_email: str, monthly_grant: int, low_threshold: int, as_json: bool) -> None:
    """Create a workspace, its first agent and its first key, which is shown only now."""
    with transaction() as session:
        made, agent, key = workspaces.create(session, name, notify_email, monthly_grant, low_threshold)
        grant_this_month(session, made.id)
    _print(dict(id=made.id, name=made.name, api_key=key, agent_id=agent.id), as_json)


@nightshift.group()
def key() -> None:
    """Keys of workspaces."""


@key.command("create")
@click.argument("workspace_id")
@json_option
def create_key(workspace_id: str, as_json: bool) -> None:
    """Create another key, which is shown only now."""
    with transaction() as session:
        if session.get(Workspace, workspace_id) is None:
            raise Wrong(f"There is no workspace {workspace_id}.")
        try:
            made, secret = workspaces.create_key(session, workspace_id)
        except workspaces.KeyLimit as error:
            raise Wrong(str(error)) from None
    _print(dict(id=made.id, api_key=secret), as_json)


@key.command("delete")
@click.argument("key_id")
def delete_key(key_id: str) -> None:
    """Delete a key, which ends its access at once."""
    with transaction() as session:
        found = session.get(ApiKey, key_id)
        try:
            if found is None or not workspaces.delete_key(session, found.workspace_id, key_id):
                raise Wrong(f"There is no key {key_id}.")
        except workspaces.KeyLimit as error:
            raise Wrong(str(error)) from None
    click.echo(f"{key_id} is deleted.")


@nightshift.command()
def rotate_credentials() -> None:
    """Seal all channel credentials with the newest of CREDENTIAL_KEYS (kept answers need theirs for a week)."""
    count, lost = accounts.rotate()
    click.echo(f"{count} sealed under the newest key.")
    if lost:
        raise Wrong(f"No key of CREDENTIAL_KEYS opens the credentials of {', '.join(lost)}.")


@nightshift.command()
@json_option
def check_balances(as_json: bool) -> None:
    """Each balance that is not the sum of its ledger. Exits with 1 if there is any."""
    with transaction() as session:
        found = differences(session)
    show(("workspace_id", "balance", "total"), found, as_json, "Every balance is the sum of its ledger.")
    if found:
        raise Wrong(f"{len(found)} balances differ from their ledger.")


@nightshift.command()
def migrate() -> None:
    """Bring the database's schema up to date. Two at a time wait for each other."""
    migrate_schema()


def _print(made: dict[str, object], as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    for name, value in made.items():
        click.echo(f"{name.replace('_', ' ')}: {value}")
