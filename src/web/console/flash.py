"""What an action says on the page that follows it: a signed cookie for one look."""

from dataclasses import dataclass

from flask import request
from itsdangerous import BadSignature
from werkzeug.http import dump_cookie

from nightshift.errors import one_line
from web.console import session

COOKIE = "nightshift_console_said"
MAX_SENTENCES, MAX_CHARACTERS = 8, 300  # a cookie has 4 kB
SECONDS = 60


@dataclass(frozen=True)
class Said:
    sentences: list[str]
    is_error: bool


def cookie(sentences: tuple[str, ...], is_error: bool) -> str:
    """A Set-Cookie header that has the next page say this."""
    shown = [one_line(sentence, MAX_CHARACTERS) for sentence in sentences[:MAX_SENTENCES]]
    if (more := len(sentences) - MAX_SENTENCES) > 0:
        shown.append(f"And {more} more.")
    return _cookie(session.signed("said").dumps([shown, is_error]), SECONDS)


def read() -> Said | None:
    try:
        return Said(*session.signed("said").loads(request.cookies.get(COOKIE, ""), max_age=SECONDS))
    except BadSignature:
        return None


def gone() -> str:
    return _cookie("", 0)


def _cookie(value: str, max_age: int) -> str:
    return dump_cookie(COOKIE, value, max_age=max_age, path=session.HOME, httponly=True, samesite="Strict")
