"""What every page of the console shares: how it is declared, rendered and acted on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, wraps
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, render_template, request
from sqlalchemy.exc import SQLAlchemyError

from web import error_responses
from web.console import assets, etags, flash, session, texts
from web.console.servers import redis_is_away
from web.response_models import cursor_after
from web.routing import Access, Route, declared

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Without a referrer, browsers would not say either from which of our pages a form is sent.
HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}

Rendered = tuple[str, int, dict[str, str]]  # body, status, headers


@dataclass(frozen=True)
class View:
    """What a page shows. `data`: all that may change while it is open; `rest`: what is there beside it, and does not.

    Where the data takes long to prepare, it may be a function, which is called when the page is rendered; `basis` is then what
    tells one state from another.
    """

    template: str
    data: Mapping[str, Any] | Callable[[], Mapping[str, Any]]
    rest: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    basis: Any = None


@dataclass(frozen=True)
class Done:
    """An action has ended: one sentence, or a few, and the page that says it. Without `to`, the one it was sent from."""

    sentences: tuple[str, ...]
    to: str | None = None
    is_error: bool = False


def page(
    path: str, *, title: str = "", order: int = 0, access: Access = "console"
) -> Callable[[Callable[..., View]], Route]:
    """Declare a page. With a `title` it is in the navigation."""

    def declare(handler: Callable[..., View]) -> Route:
        @wraps(handler)
        def respond(**arguments: Any) -> Rendered:
            tag = etags.known()
            return _not_modified(tag) if tag else render(handler(**arguments))

        nav = (order, title) if title else None
        return Route(respond, "GET", path, {200: None, 304: None}, access, media_type="text/html", nav=nav)

    return declare


def action(path: str, *, access: Access = "console", form_bytes: int = 0) -> Callable[[Callable[..., Done]], Route]:
    """Declare what a form does: a POST, after which the browser goes to a page that says what became of it.

    What ends in an error leaves nothing behind, not even the form's Idempotency-Key: it may be mended and sent again.
    """

    def declare(handler: Callable[..., Done]) -> Route:
        @wraps(handler)
        def respond(**arguments: Any) -> Rendered:
            done = handler(**arguments)
            headers = {"Location": done.to or _back(), "Set-Cookie": flash.cookie(done.sentences, done.is_error)}
            if done.is_error:
                abort(Response("", 303, headers))
            return "", 303, headers

        responses = {303: None}
        return Route(respond, "POST", path, responses, access, media_type="text/html", form_bytes=form_bytes)

    return declare


def register(app: Flask) -> None:
    """Errors of the console are pages too, and templates have what they need."""
    app.after_request(_as_page)
    app.jinja_env.globals.update(
        asset=assets.address, navigation=navigation, signed_in=session.current, once=texts.once, back=_back,
        redis_is_away=redis_is_away,
    )  # fmt: skip
    filters = (texts.ago, texts.exact, texts.seconds, texts.count, texts.vendor, texts.field_name)
    app.jinja_env.filters.update({each.__name__: each for each in filters}, cursor=cursor_after)


def navigation() -> list[Route]:
    """The pages that the signed-in reader may open."""
    who = session.current()
    mine = {"console" if who.workspace_id else "console-operator", "console-either"} if who else set()
    return [route for route in _all_navigation() if route.access in mine]


@cache
def _all_navigation() -> list[Route]:
    return sorted((route for route in declared() if route.nav), key=lambda route: route.nav or (0, ""))


def render(view: View) -> Rendered:
    """The page, or 304 where the one that is open shows the same."""
    tag = etags.tag_of(view.data if view.basis is None else view.basis)
    if request.if_none_match.contains_weak(tag):
        return _not_modified(tag)
    data, said = view.data() if callable(view.data) else view.data, None if etags.is_poll() else flash.read()
    html = render_template(f"console/{view.template}", **data, **view.rest, flash=said, tag=tag)
    headers = {"ETag": f'"{tag}"', **HEADERS} | ({"Set-Cookie": flash.gone()} if said else {})
    return html, view.status, headers


def _not_modified(tag: str) -> Rendered:
    return "", 304, {"ETag": f'"{tag}"', **HEADERS}


def _back() -> str:
    """The page that the form was on."""
    source = urlsplit(request.referrer or "")
    is_own = source.path.startswith(f"{session.HOME}/")  # whatever the host is called: a proxy may have renamed it
    return f"{source.path}?{source.query}".rstrip("?") if is_own else session.HOME


def _as_page(response: Response) -> Response:
    if response.mimetype == error_responses.MEDIA_TYPE and request.path.startswith(session.HOME):
        try:
            session.current()
        except SQLAlchemyError:  # the error says so; nobody is known to be signed in
            g.console = None
        response.set_data(render_template("console/error.html", problem=response.get_json()))
        response.mimetype = "text/html"
        response.headers.update(HEADERS)
    return response
