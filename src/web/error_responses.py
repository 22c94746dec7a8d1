"""Errors as application/problem+json, whatever raised them."""

import json
import logging
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any, TypeVar

import sentry_sdk
from flask import Flask, Response, request
from gunicorn.http.errors import NoMoreData, ParseException
from pydantic import Field
from sqlalchemy.exc import DBAPIError, TimeoutError
from werkzeug.exceptions import HTTPException

from nightshift.db.session import DISCONNECTED
from nightshift.errors import NightshiftError, TemporaryError, one_line
from nightshift.logs import log
from nightshift.server_errors import log_server_error
from web.response_models import ResponseModel

T = TypeVar("T")
MEDIA_TYPE = "application/problem+json"
MAX_DRAINED_SECONDS = 10.0
MAX_DRAINED_BYTES = 256 << 20  # of a refused upload, read and dropped so that its sender gets to read the response
MAX_ERRORS, MAX_ERROR_CHARACTERS = 50, 300  # of one response
SENTENCES = {
    400: "The request body is malformed or incomplete.",
    404: "Not found.",
    500: "Something went wrong on our side.",
}


class FieldError(ResponseModel):
    field: str
    message: str


class ProblemDetails(ResponseModel):
    """An error (RFC 9457). `errors` names each invalid field of a 422."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field(default_factory=list)


class Problem(Exception):
    """A response that is an error. `detail`: a sentence; `members`: what the body has beside it. `errors` are cut."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.status, self.headers, self.members = status, headers, members_of(status, one_line(detail)) | members
        if "errors" in members:
            self.members["errors"] = [_cut(error) for error in members["errors"][:MAX_ERRORS]]


def _cut(error: dict[str, str]) -> dict[str, str]:
    return {name: one_line(text, MAX_ERROR_CHARACTERS) for name, text in error.items()}


def not_found() -> Problem:
    """The same for what does not exist and for what is another workspace's."""
    return Problem(404, SENTENCES[404])


def or_404(found: T | None) -> T:
    """What was found. Raises 404 if that is nothing."""
    if found is None:
        raise not_found()
    return found


def invalid(field: str, message: str) -> Problem:
    return Problem(422, f"{field} {message.removesuffix('.')}.", errors=[{"field": field, "message": message}])


def invalid_fields(errors: list[dict[str, str]]) -> Problem:
    """`errors`: [{field, message}]."""
    names = ", ".join(dict.fromkeys(error["field"] for error in errors))
    return Problem(422, f"Invalid fields: {names}.", errors=errors)


def unavailable(name: str) -> Problem:
    return Problem(503, f"{name} is not available. Please try again.", headers={"Retry-After": "2"})


def respond(problem: Problem) -> Response:
    return Response(json.dumps(problem.members) + "\n", problem.status, problem.headers, mimetype=MEDIA_TYPE)


def members_of(status: int, detail: str) -> dict[str, Any]:
    """What every error has."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def register(app: Flask) -> None:
    """Answer every exception with a problem."""
    app.register_error_handler(Problem, respond)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(NightshiftError, _of_ours)
    app.register_error_handler(ParseException, _of_broken_body)
    app.register_error_handler(NoMoreData, _of_broken_body)
    app.register_error_handler(DBAPIError, _of_database)
    app.register_error_handler(TimeoutError, _of_database)
    app.register_error_handler(Exception, _unexpected)


def _of_http(error: HTTPException) -> Any:
    if error.response is not None:  # a redirect
        return error.response
    status, methods = error.code or 500, getattr(error, "valid_methods", None)
    if status == 413:
        _drain()
        return respond(Problem(413, _too_large()))
    if status == 405:
        allow = {"Allow": ", ".join(sorted(methods or ()))}
        return respond(Problem(405, f"This route does not support {request.method}.", headers=allow))
    usual = HTTPStatus(status).description or HTTPStatus(status).phrase
    return respond(Problem(status, SENTENCES.get(status, usual)))


def _too_large() -> str:
    """Names the limits of this request."""
    of_form = ", a form 1,000 parts, each field 1 MB" if "form" in request.mimetype else ""
    return f"The request body is too large: it may have {(request.max_content_length or 0) >> 20} MB{of_form}."


def _drain() -> None:
    left, ends = min(MAX_DRAINED_BYTES, 4 * (request.max_content_length or 0)), time.monotonic() + MAX_DRAINED_SECONDS
    with suppress(OSError, ParseException, NoMoreData):  # its sender is slow, or gone
        while left > 0 and time.monotonic() < ends:
            data = request.environ["wsgi.input"].read(min(left, 1 << 16))
            left = left - len(data) if data else 0


def _of_broken_body(error: Exception) -> Response:
    return respond(Problem(400, "The request body is incomplete or incorrectly chunked."))


def _of_ours(error: NightshiftError) -> Response:
    if isinstance(error, TemporaryError):
        wait = max(1, round(error.retry_after_seconds or 5))
        return respond(Problem(503, str(error), headers={"Retry-After": str(wait)}))
    return respond(Problem(502, str(error)))


def _of_database(error: Exception) -> Response:
    if isinstance(error, DISCONNECTED) or getattr(error, "connection_invalidated", False):
        log_server_error("database away", error)
        return respond(unavailable("The database"))
    return _unexpected(error)


def _unexpected(error: Exception) -> Response:
    log("request failed", logging.ERROR, route=str(request.url_rule), raised=error)
    sentry_sdk.capture_exception(error)
    return respond(Problem(500, SENTENCES[500]))
