"""Ask and watch: a thin Flask application. Parse, write the row, answer, ring."""

import sys

from flask import Flask, request

import jobs  # noqa: F401  registers them
from nightshift import logs
from nightshift.settings import SettingsError, settings
from runner import reporting
from runner.dispatch import in_background
from web import (
    access,
    analytics,
    channels,
    credits,
    dashboard,
    dev_mail,
    docs,
    emails,
    events,
    headers,
    health,
    invoices,
    knowledge,
    messages,
    problems,
    workspaces,
)  # fmt: skip

MOST_FILE_BYTES = 50 << 20
MOST_JSON_BYTES = 10 << 20


def create_app() -> Flask:
    """The application. Ends the process with one line where a setting is missing or bad."""
    try:
        config = settings()
    except SettingsError as error:
        sys.exit(str(error))
    logs.configure(config.log_format)
    reporting.start_sentry(config)
    in_background()
    app = Flask(__name__, static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config.update(MAX_CONTENT_LENGTH=MOST_FILE_BYTES + (64 << 10), MAX_FORM_MEMORY_SIZE=1 << 20)
    problems.register(app)
    app.before_request(_refuse_nul)
    app.before_request(access.check)
    app.before_request(_limit_json)
    app.after_request(headers.harden)
    rooms = (knowledge, channels, messages, analytics, credits, emails, invoices, workspaces, events, health, docs)
    for room in rooms:
        app.register_blueprint(room.blueprint)
    if not config.production:
        dashboard.register(app)
        app.register_blueprint(dev_mail.blueprint)
    return app


def _refuse_nul() -> None:
    """NUL, which Postgres cannot hold, names nothing here."""
    if "\0" in request.path:
        raise problems.not_found()
    if any("\0" in value for value in request.args.values()):
        raise problems.Problem(400, "The query holds a NUL character.")


def _limit_json() -> None:
    if request.mimetype != "multipart/form-data":
        request.max_content_length = MOST_JSON_BYTES
