"""Channels: each one's state and test, its credentials, its pause."""

from typing import Any

from flask import g, request
from sqlalchemy.orm import Session

from nightshift.channels import CHANNELS, accounts
from nightshift.db.models import ChannelAccount
from nightshift.db.session import transaction
from nightshift.outbox import pauses
from web.api import channels as api
from web.api import pauses as pauses_api
from web.console.pages import Done, View, action, page
from web.console.texts import faults, field_name, vendor, vendors
from web.error_responses import Problem, or_404
from web.request_parsing import Form, Line, Parameters
from web.serving import turn

HOME = "/console/channels"
VENDORS = vendors()


class Chosen(Parameters):
    type: str = ""


class Reason(Form):
    reason: Line


@page(HOME, title="Channels", order=30)
def listed(session: Session, query: Chosen) -> View:
    """The channels that are connected, and a form to connect one."""
    mine = accounts.listed(session, g.workspace_id)
    shown = [api.shown(session, account) for account in mine]
    removed = [account.type for account in mine if account.credentials is None]
    account = next((account for account in mine if account.type == query.type and account.credentials), None)
    own_pauses = [pause.channel_type for pause in pauses.listed(session, g.workspace_id)]
    data = dict(channels=shown, removed=removed, pauses=own_pauses, hook=account and api.hook_of(account))
    return View("channels.html", data, dict(chosen=CHANNELS.get(query.type), vendors=VENDORS))


@action(f"{HOME}/<channel_type>")
def put(channel_type: str) -> Done:
    """Put a channel's credentials, and test them."""
    given = {name: value for name, value in request.form.items() if value.strip()}
    try:
        with turn(), transaction() as session:
            deferred, _ = api.put.handler(session, channel_type, api.Credentials(credentials=given))
    except Problem as problem:
        labels = {f"credentials.{name}": field_name(name) for name in _known(channel_type)}
        return Done(faults(problem, **labels), is_error=True)
    deferred.act()
    return Done((f"{vendor(channel_type)}: saved.",), f"{HOME}?type={channel_type}")


@action(f"{HOME}/<channel_type>/test")
def test(channel_type: str) -> Done:
    """Send a harmless request with a channel's credentials."""
    with turn(), transaction() as session:
        deferred = api.test.handler(session, channel_type)
    deferred.act()
    return Done((f"{vendor(channel_type)}: the result of the test is shown here in a moment.",))


@page(f"{HOME}/<channel_type>/pause")
def ask_pause(session: Session, channel_type: str) -> View:
    """Why to pause a channel."""
    return _question(session, channel_type, "Pause")


@page(f"{HOME}/<channel_type>/remove")
def ask_remove(session: Session, channel_type: str) -> View:
    """Whether to remove a channel."""
    return _question(session, channel_type, "Remove")


@action(f"{HOME}/<channel_type>/pause")
def pause(session: Session, channel_type: str, form: Reason) -> Done:
    """Hold what is to be sent through a channel."""
    _own(session, channel_type)
    new = {"channelType": channel_type, "reason": form.reason}
    pauses_api.create.handler(session, pauses_api.NewPause.model_validate(new))
    return Done((f"{vendor(channel_type)}: paused. Messages are accepted and wait.",), HOME)


@action(f"{HOME}/<channel_type>/resume")
def resume(session: Session, channel_type: str) -> Done:
    """End a channel's pause."""
    for mine in pauses.listed(session, g.workspace_id):
        if mine.channel_type == channel_type:
            pauses.resume(session, mine.id, g.workspace_id)
            return Done((f"{vendor(channel_type)}: goes on.",))
    return Done(("This channel is not paused any more.",), is_error=True)


@action(f"{HOME}/<channel_type>/remove")
def remove(session: Session, channel_type: str) -> Done:
    """Delete a channel's credentials."""
    if not accounts.remove(session, g.workspace_id, channel_type):
        return Done(("This channel has no credentials any more.",), HOME, is_error=True)
    return Done((f"{vendor(channel_type)}: removed.",), HOME)


def _question(session: Session, channel_type: str, act: str) -> View:
    _own(session, channel_type)
    return View("channel_ask.html", dict(type=channel_type, vendor=vendor(channel_type), act=act))


def _own(session: Session, channel_type: str) -> ChannelAccount:
    return or_404(session.get(ChannelAccount, (g.workspace_id, channel_type)))


def _known(channel_type: str) -> tuple[Any, ...]:
    channel = or_404(CHANNELS.get(channel_type))
    return (*channel.fields, *channel.optional)
