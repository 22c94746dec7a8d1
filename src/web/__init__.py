"""The HTTP side: a thin Flask application. A request is parsed, written as rows and answered; jobs do the work."""

from flask import Flask

import jobs  # noqa: F401  registers them
from nightshift import logs, outbox
from nightshift.settings import settings
from runner import dispatch, reporting
from web import access, error_responses, request_parsing, request_trace, routing, security_headers, serving
from web.console import pages
from web.developer import dashboard


def create_app() -> Flask:
    """The application."""
    config = settings()
    logs.configure(config)
    reporting.start_sentry(config)
    outbox.on_commit(dispatch.background.dispatch)  # no request waits for Redis
    app = Flask(__name__, static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config.update(MAX_CONTENT_LENGTH=request_parsing.MAX_JSON_BYTES, MAX_FORM_MEMORY_SIZE=1 << 20)
    error_responses.register(app)
    request_trace.register(app)
    pages.register(app)
    app.before_request(request_parsing.refuse_nul)
    app.before_request(access.check)
    app.after_request(security_headers.add)
    serving.register(app, [r for r in routing.declared() if r.access != "developer" or not config.production])
    if not config.production:
        dashboard.register(app)
    return app
