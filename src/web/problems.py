"""Errors as application/problem+json, whatever raised them."""

import json
import logging
from http import HTTPStatus
from typing import Any

import sentry_sdk
from flask import Flask, Response, request
from gunicorn.http.errors import NoMoreData, ParseException
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, TimeoutError
from werkzeug.exceptions import HTTPException

from nightshift.errors import NightshiftError, TemporaryError
from nightshift.logs import log

DRAIN_BYTES = 256 << 20  # of a refused upload, read and dropped so that the sender gets to hear the answer


class Problem(Exception):
    """An answer that is an error. `detail`: a sentence; `errors`: [{field, message}] for 422; `more`: further members."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.headers = status, detail, errors, headers or {}
        self.more = more or {}


def not_found() -> Problem:
    """The same for what is not there and for what is another workspace's."""
    return Problem(404, "There is no such thing here.")


def invalid(field: str, message: str) -> Problem:
    return Problem(422, f"{field}: {message}", [{"field": field, "message": message}])


def answer(problem: Problem) -> Response:
    phrase = HTTPStatus(problem.status).phrase
    body: dict[str, Any] = {"type": "about:blank", "title": phrase, "status": problem.status, "detail": problem.detail}
    body.update(problem.more)
    if problem.errors is not None:
        body["errors"] = problem.errors
    return Response(json.dumps(body) + "\n", problem.status, problem.headers, mimetype="application/problem+json")


def register(app: Flask) -> None:
    """Have every error leave as a problem."""
    app.register_error_handler(Problem, answer)
    app.register_error_handler(ValidationError, lambda e: answer(_of_validation(e)))
    app.register_error_handler(HTTPException, lambda e: answer(_of_http(e)))
    app.register_error_handler(NightshiftError, lambda e: answer(_of_ours(e)))
    app.register_error_handler(DBAPIError, _of_database)
    for broken_body in (ParseException, NoMoreData):
        app.register_error_handler(
            broken_body, lambda e: answer(Problem(400, "The body broke off, or is badly chunked."))
        )
    app.register_error_handler(TimeoutError, _of_database)
    app.register_error_handler(Exception, _unexpected)


def _of_validation(error: ValidationError) -> Problem:
    errors = [{"field": _field(e["loc"]), "message": e["msg"].removeprefix("Value error, ")} for e in error.errors()]
    fields = ", ".join(dict.fromkeys(e["field"] for e in errors))
    return Problem(422, f"Not valid: {fields}.", errors)


def _field(place: tuple[int | str, ...]) -> str:
    """The field as the caller wrote it. Of a body of several kinds the first part names the kind, not a field."""
    names = [str(part) for part in place if part not in ("text", "url", "qa") or len(place) == 1]
    return ".".join(names) or str(place[-1] if place else "type")


def _of_http(error: HTTPException) -> Problem:
    status = error.code or 500
    if status == 413:
        _drain()
    sentences = {
        400: "The body of this request cannot be read: is it complete, and well-formed?",
        404: "There is no such thing here.",
        405: "This address does not take that method.",
        413: "This is larger than we take: 50 MB for a file, 10 MB for JSON.",
    }
    allow = {"Allow": ", ".join(sorted(error.valid_methods))} if getattr(error, "valid_methods", None) else None  # type: ignore[attr-defined]
    return Problem(
        status, sentences.get(status, HTTPStatus(status).description or HTTPStatus(status).phrase), headers=allow
    )


def _drain() -> None:
    left = DRAIN_BYTES
    while left > 0 and (data := request.environ["wsgi.input"].read(min(left, 1 << 16))):
        left -= len(data)


def _of_ours(error: NightshiftError) -> Problem:
    if isinstance(error, TemporaryError):
        wait = max(1, round(error.retry_after_seconds or 5))
        return Problem(503, str(error), headers={"Retry-After": str(wait)})
    return Problem(502, str(error))


def _of_database(error: Exception) -> Response:
    if (
        isinstance(error, TimeoutError)
        or getattr(error, "connection_invalidated", False)
        or "Operational" in repr(type(error))
    ):
        log("database away", logging.WARNING, error=type(error).__name__)
        return answer(Problem(503, "The database does not answer. Please try again.", headers={"Retry-After": "2"}))
    return _unexpected(error)


def _unexpected(error: Exception) -> Response:
    logging.getLogger("nightshift").error(
        "request failed", exc_info=error, extra={"fields": {"route": str(request.url_rule)}}
    )
    sentry_sdk.capture_exception(error)
    return answer(Problem(500, "Something went wrong on our side."))
