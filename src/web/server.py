"""gunicorn's worker and logger. Its own log lines and responses would quote the request, keys included: these do not."""

import json
import logging
import sys
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.http import errors

from nightshift.logs import log, where
from web import security_headers
from web.draining import DrainingWorker
from web.error_responses import MEDIA_TYPE, SENTENCES, members_of

ERRORS = {  # the first class that fits; any other exception is our fault
    errors.InvalidResponseHeader: (500, SENTENCES[500]),
    errors.InvalidResponseHeaderName: (500, SENTENCES[500]),
    errors.LimitRequestLine: (414, "The request line is longer than 8,190 bytes."),
    errors.LimitRequestHeaders: (431, "The request has too many headers, or one that is too long."),
    errors.UnsupportedTransferCoding: (501, "The only supported transfer coding is chunked."),
    errors.ParseException: (400, "This is not a valid HTTP request."),
    TimeoutError: (408, "The request did not arrive in time."),
    Exception: (500, SENTENCES[500]),
}


class Worker(DrainingWorker):
    """Answers what is no valid request in the form of every other error."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        status, detail = next(error for kind, error in ERRORS.items() if isinstance(exc, kind))
        log("request refused" if status < 500 else "request failed", logging.WARNING, status=status, error=where(exc))
        with suppress(OSError):  # the client may be gone
            util.write_nonblock(client, _response(status, detail))


class Log(Logger):
    """Logs an error by its class and place."""

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        error = sys.exc_info()[1]
        log("web server failed", logging.ERROR, raised=error)


def _response(status: int, detail: str) -> bytes:
    body = json.dumps(members_of(status, detail))
    headers = security_headers.defaults() | {
        "Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "Connection": "close"
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{head}\r\n{body}".encode()
