"""gunicorn's worker, where it speaks for itself: its own lines and answers would quote what was asked, keys included."""

import json
import logging
import sys
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from nightshift.logs import log, where
from web.headers import of_any_answer

REFUSALS = {  # the first that fits; whatever is none of them is our own failure
    errors.InvalidResponseHeader: (500, "Something went wrong on our side."),
    errors.InvalidResponseHeaderName: (500, "Something went wrong on our side."),
    errors.LimitRequestLine: (414, "This address is longer than 8,190 characters."),
    errors.LimitRequestHeaders: (431, "These are more headers, or longer ones, than we take."),
    errors.UnsupportedTransferCoding: (501, "We take no transfer coding but chunked."),
    errors.ParseException: (400, "This is not HTTP as we understand it."),
    Exception: (500, "Something went wrong on our side."),
}


class Worker(ThreadWorker):
    """Refuses what never becomes a request in the form of every other refusal."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        status, detail = next(refusal for kind, refusal in REFUSALS.items() if isinstance(exc, kind))
        log("request refused" if status < 500 else "request failed", logging.WARNING, status=status, error=where(exc))
        with suppress(OSError):  # whoever asked may be gone
            util.write_nonblock(client, _answer(status, detail))


class Log(Logger):
    """Of an error its class and place."""

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        error = sys.exc_info()[1]
        log("web server failed", logging.ERROR, error=where(error) if error else None)


def _answer(status: int, detail: str) -> bytes:
    phrase = HTTPStatus(status).phrase
    body = json.dumps({"type": "about:blank", "title": phrase, "status": status, "detail": detail})
    fields = of_any_answer() | {
        "Content-Type": "application/problem+json", "Content-Length": str(len(body)), "Connection": "close"
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} {phrase}\r\n{head}\r\n{body}".encode()
