"""What an action says on the page that follows it: a signed cookie for one look."""

from dataclasses import dataclass

from flask import request
from itsdangerous import BadSignature
from werkzeug.http import dump_cookie

from nightshift.errors import one_line
from web.console import session

COOKIE = "nightshift_console_said"
MAX_CHARACTERS, MAX_BYTES = 300, 3500  # of a sentence; of a cookie, which browsers drop where it has more than 4 kB
SECONDS = 60


@dataclass(frozen=True)
class Said:
    sentences: list[str]
    is_error: bool


def cookie(sentences: tuple[str, ...], is_error: bool) -> str:
    """A Set-Cookie header that has the next page say this."""
    shown, more = [one_line(sentence, MAX_CHARACTERS) for sentence in sentences], 0
    while len(token := _token(shown, more, is_error)) > MAX_BYTES:
        shown, more = shown[:-1], more + 1
    return _cookie(token, SECONDS)


def _token(shown: list[str], more: int, is_error: bool) -> str:
    return str(session.signed("said").dumps([[*shown, f"And {more} more."] if more else shown, is_error]))


def read() -> Said | None:
    try:
        return Said(*session.signed("said").loads(request.cookies.get(COOKIE, "")))
    except BadSignature:
        return None


def gone() -> str:
    return _cookie("", 0)


def _cookie(value: str, max_age: int) -> str:
    return dump_cookie(COOKIE, value, max_age=max_age, path=session.HOME, httponly=True, samesite="Strict")
