"""The console's stylesheet and script, at addresses that change when they do, so that browsers keep them."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Response, send_from_directory

from web.console.session import HOME
from web.routing import route

DIRECTORY = Path(__file__).parent / "static"
TEMPLATES = Path(__file__).parents[1] / "templates" / "console"
FOREVER = "public, max-age=31536000, immutable"


@route("GET", f"{HOME}/static/<version>/<name>", {200: None}, access="public", media_type="text/html")
def asset(version: str, name: str) -> Response:
    """One of the files, whatever version was asked for."""
    response = send_from_directory(DIRECTORY, name)
    response.headers["Cache-Control"] = FOREVER
    return response


@cache
def version() -> str:
    """Of all files together, the templates too: an open page of another version is sent again."""
    digest = hashlib.sha256()
    for path in sorted([*DIRECTORY.iterdir(), *TEMPLATES.iterdir()]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def address(name: str) -> str:
    return f"{HOME}/static/{version()}/{name}"
