"""Sign in with a key, as a workspace or an operator, and out again."""

import json
from contextlib import suppress
from typing import Any, cast

from flask import Response, redirect, request

from nightshift import workspaces
from nightshift.settings import DATA_DIR, settings
from web import access, developer_access, origin
from web.console import pages, session
from web.console.pages import View
from web.error_responses import not_found
from web.limiters import WrongGuesses
from web.request_parsing import Form, Parameters
from web.routing import route

wrong = WrongGuesses(10, seconds_each=6)


class Next(Parameters):
    """`again`: the browser has been sent here a second time, from this page."""

    next: str = session.HOME
    again: str = ""


class KeyForm(Form):
    key: str = ""
    next: str = session.HOME


@route("GET", session.HOME, {303: None}, access="console-either", media_type="text/html")
def home() -> Response:
    """The first page of the navigation."""
    return cast(Response, redirect(pages.navigation()[0].path, 303))


LOOPBACK = ("127.0.0.1", "::1", "")  # without an address: a Unix socket


@route("GET", "/", {302: None}, access="public", media_type="text/html")
def front() -> Response:
    """To the console."""
    return cast(Response, redirect(session.HOME))


@route("GET", session.SIGN_IN, {200: None, 304: None}, access="public", media_type="text/html")
def show(query: Next) -> Any:
    """The sign-in page.

    With a link on another site, such as a mail's, browsers send no SameSite=Strict cookie. So a visitor who follows one is sent
    here once more, from this page, and is let in if there is a cookie.
    """
    if session.current():
        return redirect(_own(query.next), 303)
    is_from_elsewhere = request.headers.get("Sec-Fetch-Site") == "cross-site" and not query.again
    return pages.render(_view(query.next, again=is_from_elsewhere))


@route("POST", session.SIGN_IN, {303: None, 304: None, 401: None, 429: None}, access="public", media_type="text/html")
def sign_in(form: KeyForm) -> Any:
    """Sign in with a workspace key, or as an operator with ADMIN_API_KEY. Guesses are bounded."""
    origin.check()
    key, who = form.key.strip(), _visitor()
    owner = workspaces.owner_of(key) if key else None
    if owner:  # 256 random bits: nobody guesses one
        return session.begin(_to(form.next), owner[1])
    if wait := wrong.seconds_to_wait(who):
        return pages.render(_view(form.next, f"Too many wrong keys. Try again in {wait} seconds.", 429))
    if key and access.is_operators(key):
        return session.begin(_to(form.next), session.OPERATOR)
    if key:
        wrong.count(who)
    sentence = "This key is not valid. Check that you copied all of it." if key else "Enter a key."
    return pages.render(_view(form.next, sentence, 401))


@route("POST", f"{session.SIGN_IN}/demo", {303: None}, access="public", media_type="text/html")
def demo(form: KeyForm) -> Any:
    """Sign in to the demo workspace, on the developer's own machine."""
    origin.check()
    owner = workspaces.owner_of(key) if (key := _demo_key()) else None
    if owner is None:
        raise not_found()
    return session.begin(_to(form.next), owner[1])


@route("POST", "/console/sign-out", {303: None}, access="console-either", media_type="text/html")
def sign_out() -> Any:
    """End the session, in every tab."""
    session.end(session.required())
    return session.forget(_to(session.SIGN_IN))


def _view(next_: str, error: str = "", status: int = 200, again: bool = False) -> View:
    data = dict(next=_own(next_), error=error, again=again, demo=_demo_key() is not None)
    return View("sign_in.html", data, status=status)


def _to(path: str) -> Response:
    return cast(Response, redirect(_own(path), 303))


def _own(path: str) -> str:
    """A path of the console; HOME in the place of anything else."""
    is_own = path.startswith(session.HOME) and path.isprintable() and "\\" not in path
    return path if is_own else session.HOME


def _demo_key() -> str | None:
    """Of the demo workspace that `make run` made, for a browser on the same machine."""
    if settings().production or not developer_access.is_local():
        return None
    with suppress(OSError, ValueError, KeyError):
        return str(json.loads((DATA_DIR / "demo.json").read_text())["apiKey"])
    return None


def _visitor() -> str:
    """The address of the browser. A proxy on this machine appends it to X-Forwarded-For; no other part of that is believed."""
    peer = request.remote_addr or ""
    named = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return named if named and peer in LOOPBACK else peer
