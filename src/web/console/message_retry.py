"""Retries of many FAILED messages: a page that says what would be done, then exactly that."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import g, request
from sqlalchemy.orm import Session

from nightshift.channels import bulk_retry
from nightshift.channels.message_list import Filters
from nightshift.outbox.retries import PER_SECOND
from web.access import own_agent
from web.api import messages as api
from web.console import messages
from web.console.pages import Done, View, action, page
from web.console.texts import count
from web.request_parsing import Form

HOME = "/console/messages/retry"


class Confirmed(messages.MessagesQuery, Form):
    """What was asked, and how many messages were shown to match at what time."""

    matched: int
    as_of: datetime


@page(HOME)
def ask(session: Session, query: messages.MessagesQuery) -> View:
    """What a retry of the chosen messages would do, or of all that match."""
    _, agent = messages.chosen_agent(session, query.agent)
    found = bulk_retry.preview(session, g.workspace_id, agent.id, _filters(query, request.args.getlist("id")))
    asked = [
        (name, value) for name, value in request.args.items(multi=True) if value and name not in ("agent", "cursor")
    ]
    data = dict(vars(found), sample=[api.shown(row) for row in found.sample], agent=(agent.id, agent.name), asked=asked)
    return View("message_retry.html", data, dict(back=_list(request.args), per_second=PER_SECOND))


@action(HOME)
def retry(session: Session, form: Confirmed) -> Done:
    """Retry the messages that the page has shown, as far as they are still FAILED."""
    filters = _filters(form, request.form.getlist("id"))
    agent = own_agent(session, form.agent)
    queued = bulk_retry.retry_all(session, g.workspace_id, agent.id, filters, form.as_of)
    rest = form.matched - queued
    said = [f"{count(queued)} message{'s are' if queued != 1 else ' is'} retried."] if queued else []
    said += [f"{count(rest)} {'are' if rest != 1 else 'is'} not FAILED any more, and left alone."] if rest > 0 else []
    return Done(tuple(said), _list(request.form), is_error=not queued)


def _filters(query: messages.MessagesQuery, ids: list[str]) -> Filters:
    """Of the FAILED ones: those that were chosen, else all that match."""
    is_failed = query.status in ("", "FAILED")
    return query.filters(ids=ids or None if is_failed else [])


def _list(asked: Any) -> str:
    """The page of the messages that match, whatever has become of them."""
    names = ("agent", "channel", "customer", "text", "error", "from", "to")
    kept = {name: asked[name] for name in names if asked.get(name)}
    return f"{messages.HOME}?{urlencode(kept)}".rstrip("?")
