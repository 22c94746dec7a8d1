"""The description of the API: for tools at /openapi.json, for people at /docs."""

from typing import Any

from flask import render_template, request

from nightshift.settings import settings
from web import examples, openapi
from web.console.pages import HEADERS
from web.request_parsing import Parameters
from web.routing import declared, route

ALL_OPEN = 3  # so few routes that are found are shown in full


class Search(Parameters):
    q: str = ""


@route("GET", "/openapi.json", {200: dict[str, Any]}, access="public")
def openapi_json() -> Any:
    """This document."""
    return openapi.spec(declared())


@route("GET", "/docs", {200: None}, access="public", media_type="text/html")
def page(query: Search) -> Any:
    """Every route on one page, by what it is about, with an example; or those that a search finds."""
    spec = openapi.spec(declared())
    words = query.q.lower().split()
    found = [each for each in _operations(spec) if all(word in each["words"] for word in words)]
    groups = [(tag, [each for each in found if tag["name"] in each["tags"]]) for tag in spec["tags"]]
    shown = dict(spec=spec, groups=[(tag, each) for tag, each in groups if each], query=query.q, found=len(found))
    opened = bool(words) and len(found) <= ALL_OPEN
    html = render_template("docs.html", **shown, opened=opened, development=not settings().production)
    return html, 200, HEADERS


def _operations(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Each with its method and path, an example, and the words by which it is found."""
    base = settings().public_url or request.host_url.rstrip("/")
    schemas = spec["components"]["schemas"]
    return [
        operation | dict(
            method=method, path=path, example=examples.request(method, path, operation, schemas, base),
            words=f"{method} {path} {operation['summary']} {' '.join(operation['tags'])}".lower(),
        )
        for path, methods in spec["paths"].items()
        for method, operation in methods.items()
    ]  # fmt: skip
