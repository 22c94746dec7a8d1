"""The description of the API: for tools at /openapi.json, for people at /docs."""

from typing import Any

from flask import render_template

from nightshift.settings import settings
from web import openapi, security_headers
from web.routing import declared, route


@route("GET", "/openapi.json", {200: dict[str, Any]}, access="public")
def openapi_json() -> Any:
    """This document."""
    return openapi.spec(declared())


@route("GET", "/docs", {200: None}, access="public", media_type="text/html")
def page() -> Any:
    """Every route on one page."""
    html = render_template("docs.html", spec=openapi.spec(declared()), development=not settings().production)
    return security_headers.page(html)
