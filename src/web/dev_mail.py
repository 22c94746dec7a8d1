"""/dev/mail: in development without a key, the mail that would have left."""

from flask import Blueprint, Response, render_template
from sqlalchemy import select
from sqlalchemy.orm import undefer

from nightshift.db.models import Email
from nightshift.db.session import transaction
from nightshift.mail.delivery import CAPTURED
from web import home_guard
from web.problems import not_found

PATH = "/dev/mail"
MOST_LISTED = 200
# The mail stands in a frame without scripts, forms, or an origin of its own, and asks nobody for anything.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

blueprint = Blueprint("dev_mail", __name__, url_prefix=PATH, template_folder="templates")
blueprint.before_request(home_guard.admit)


@blueprint.get("")
def listed() -> Response:
    newest = select(Email).where(Email.provider_id == CAPTURED).order_by(Email.id.desc()).limit(MOST_LISTED)
    with transaction() as session:
        return _page("dev_mail_list.html", emails=session.scalars(newest).all())


@blueprint.get("/<email_id>")
def one(email_id: str) -> Response:
    with transaction() as session:
        email = session.get(Email, email_id, options=[undefer(Email.html), undefer(Email.text)])
    if email is None or email.provider_id != CAPTURED:
        raise not_found()
    return _page("dev_mail.html", email=email)


def _page(template: str, **values: object) -> Response:
    response = Response(render_template(template, **values))
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
