"""The API for machines at /openapi.json and for people at /docs."""

from typing import Any

from flask import Blueprint, Response, redirect, render_template

from nightshift.settings import settings
from web import openapi

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

blueprint = Blueprint("docs", __name__, template_folder="templates")


@blueprint.get("/openapi.json")
def openapi_json() -> dict[str, Any]:
    return openapi.spec()


@blueprint.get("/docs")
def page() -> Response:
    """Every route on one page, made here: it asks no other host for anything."""
    response = Response(render_template("docs.html", spec=openapi.spec(), development=not settings().production))
    response.headers["Content-Security-Policy"] = POLICY
    return response


@blueprint.get("/")
def home() -> Any:
    return redirect("/docs")
