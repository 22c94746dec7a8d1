"""Messages: found by filters, written, and the way of each one."""

from typing import Annotated, Any

from flask import g
from pydantic import Field
from sqlalchemy.orm import Session

from nightshift.channels import CHANNELS, accounts, message_list, messages, timeline
from nightshift.channels.message_list import Filters
from nightshift.channels.messages import NoCredentials
from web.access import own_agent
from web.api import messages as api
from web.console.agents import chosen_agent
from web.console.pages import Done, View, action, page
from web.console.texts import faults, vendors
from web.error_responses import Problem
from web.request_parsing import FilteredQuery, Form, Line, Since, Until, parse
from web.response_models import MAX_PAGE_BYTES
from web.response_models import page as part

HOME = "/console/messages"
MAX_ROWS = 100  # the ids of all of them fit into an address
STATUSES = [("", "All"), *((status, status) for status in message_list.STATUSES)]
VENDORS = vendors()


class MessagesQuery(FilteredQuery):
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS)] = 50
    agent: str = ""
    status: str = ""
    channel: Line | None = None
    customer: Line | None = None
    text: Line | None = None
    error: Line | None = None
    since: Annotated[Since | None, Field(alias="from")] = None
    until: Annotated[Until | None, Field(alias="to")] = None

    def filters(self, **more: Any) -> Filters:
        """All of them but the status."""
        return Filters(
            channel_type=self.channel, customer_id=self.customer, error=self.error, content=self.text, since=self.since,
            until=self.until, **more,
        )  # fmt: skip

    @property
    def is_filtered(self) -> bool:
        return self.model_fields_set - {"agent", "limit"} != set()


class OfAgent(FilteredQuery):
    agent: str = ""


class NewMessage(Form):
    agent: str
    channel: str = ""
    customer: str = ""
    text: str = ""


@page(HOME, title="Messages", order=20)
def listed(session: Session, query: MessagesQuery) -> View:
    """An agent's messages that match, newest first."""
    agents, agent = chosen_agent(session, query.agent)
    status = query.status or None
    which = (g.workspace_id, agent.id, query.filters(status=status), query.cursor, query.limit, MAX_PAGE_BYTES)
    known = status is None or status in message_list.STATUSES
    rows = message_list.listed(session, *which) if known else []
    found = part([api.shown(row) for row in rows], query.limit)
    data = dict(agents=agents, agent_id=agent.id, found=found, connected=_connected(session))
    rest = dict(statuses=STATUSES, vendors=[("", "All"), *VENDORS], is_filtered=query.is_filtered)
    return View("messages.html", data, rest)


@page(f"{HOME}/new")
def write(session: Session, query: OfAgent) -> View:
    """A message to be written."""
    agents, agent = chosen_agent(session, query.agent)
    return View("message_new.html", dict(agents=agents, agent_id=agent.id, connected=_connected(session)))


@action(f"{HOME}/new")
def send(session: Session, form: NewMessage) -> Done:
    """Send a message to a customer."""
    try:
        own_agent(session, form.agent)
        fields = dict(channelType=form.channel, customerId=form.customer, content=form.text)
        body = parse(api.NewMessage, fields)
        message_id, _ = messages.accept(session, g.workspace_id, form.agent, **body.model_dump(), try_now=False)
    except NoCredentials:
        return Done(("This channel is not connected.",), is_error=True)
    except Problem as problem:
        return Done(faults(problem, channelType="Channel", customerId="Customer", content="Text"), is_error=True)
    return Done(("The message is on its way.",), f"{HOME}/{message_id}")


@page(f"{HOME}/<message_id>")
def show(session: Session, message_id: str) -> View:
    """One message, from its request to the customer's phone."""
    message = api.own(session, message_id)
    channel = CHANNELS[message.channel_type]
    done = timeline.steps(session, message)
    waits = timeline.waits(session, message) if message.status == "RETRYING" else None
    agent = own_agent(session, message.agent_id)

    def data() -> dict[str, Any]:
        return dict(
            message=message, status=message.status, next_attempt_at=message.next_attempt_at, steps=done, waits=waits,
            parts=timeline.parts(message), channel=channel, agent=agent.name,
        )  # fmt: skip

    known = (message.status, message.next_attempt_at, message.updated_at, message.delivery_state, message.error)
    return View("message.html", data, basis=(*known, done, waits))


@action(f"{HOME}/<message_id>/retry")
def retry(session: Session, message_id: str) -> Done:
    """Retry a FAILED message."""
    api.own(session, message_id)
    if not messages.retry(session, message_id):
        return Done(("This message is not FAILED any more, and not retried.",), is_error=True)
    return Done(("The message is retried.",))


def _connected(session: Session) -> list[tuple[str, str]]:
    """The type and the vendor of each channel that messages can go out through."""
    types = {account.type for account in accounts.listed(session, g.workspace_id) if account.credentials}
    return [(kind, name) for kind, name in VENDORS if kind in types]
