"""Mail: a workspace's own, or for an operator everybody's; what became of each, and its text as it was sent."""

from flask import g
from sqlalchemy.orm import Session

from nightshift.mail import mailbox
from nightshift.mail.delivery import CAPTURED
from web.api import emails as api
from web.console.pages import Done, View, action, page
from web.request_parsing import FilteredQuery
from web.response_models import page as part
from web.routing import route

HOME = "/console/mail"
# A mail has its own styles and no script. It stands in a frame of the page, which gives it no origin.
FRAME = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}


class MailQuery(FilteredQuery):
    status: str = ""


@page(HOME, title="Mail", order=40, access="console-either")
def listed(session: Session, query: MailQuery) -> View:
    """Mail, newest first."""
    rows = mailbox.listed(session, g.workspace_id, query.status or None, query.cursor, query.limit)
    whose = {} if g.workspace_id else {row.Email.id: row.Email.workspace_id for row in rows}
    found = part([api.shown(row) for row in rows], query.limit)
    bounced = mailbox.bounced(session, g.workspace_id)
    return View("mail.html", dict(found=found, whose=whose, bounced=bounced), dict(captured=CAPTURED))


@page(f"{HOME}/<email_id>", access="console-either")
def show(session: Session, email_id: str) -> View:
    """One mail, as text and as HTML."""
    row = api.own(session, email_id)
    words = dict(text=mailbox.contents(session, email_id).text, captured=CAPTURED)
    return View("mail_one.html", dict(mail=api.shown(row)), words)


@route("GET", f"{HOME}/<email_id>/html", {200: None}, access="console-either", media_type="text/html")
def html(session: Session, email_id: str) -> tuple[str, int, dict[str, str]]:
    """One mail's HTML, for a frame of its page."""
    api.own(session, email_id)
    return mailbox.contents(session, email_id).html, 200, FRAME


@action(f"{HOME}/<email_id>/retry", access="console-either")
def retry(session: Session, email_id: str) -> Done:
    """Send a FAILED mail again."""
    api.own(session, email_id)
    if not mailbox.retry(session, email_id):
        return Done(("This mail is not FAILED any more, and not sent again.",), is_error=True)
    return Done(("The mail is sent again.",))
