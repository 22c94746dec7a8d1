"""/dev/mail: the mail that was captured because there is no RESEND_API_KEY."""

from typing import Any

from flask import render_template
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from nightshift.db.models import Email
from nightshift.mail.delivery import CAPTURED
from web import security_headers
from web.error_responses import not_found
from web.routing import route

MAX_LISTED = 200


@route("GET", "/dev/mail", {200: None}, access="developer", media_type="text/html")
def listed(session: Session) -> Any:
    """Captured mail, newest first."""
    newest = select(Email).where(Email.provider_id == CAPTURED).order_by(Email.id.desc()).limit(MAX_LISTED)
    return security_headers.page(render_template("dev_mail_list.html", emails=session.scalars(newest).all()))


@route("GET", "/dev/mail/<email_id>", {200: None}, access="developer", media_type="text/html")
def show(session: Session, email_id: str) -> Any:
    """One captured mail: its text, and its HTML in a frame without scripts, forms or an origin of its own."""
    email = session.get(Email, email_id, options=[undefer(Email.html), undefer(Email.text)])
    if email is None or email.provider_id != CAPTURED:
        raise not_found()
    return security_headers.page(render_template("dev_mail.html", email=email))
