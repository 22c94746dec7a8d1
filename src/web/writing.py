"""A request that changes something: one transaction, one answer for one Idempotency-Key, and the ring after the commit."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast

from flask import Response, g, jsonify, make_response, request
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge

from nightshift import sealing
from nightshift.db.models import IdempotencyKey
from nightshift.db.session import DISCONNECTED, transaction
from nightshift.logs import log
from web.problems import invalid


@dataclass(frozen=True)
class Later:
    """A body that is known only when `act` was called, after the commit; until then, and where Postgres goes away before it
    is known, it is `so_far`."""

    so_far: Any
    act: Callable[[], Any]


Answer = tuple[Any, int] | tuple[Any, int, dict[str, str]]
LONGEST_KEY = 255


def writes(
    handler: Callable[..., Answer], again: Callable[[Session, Any], Any] = lambda session, body: body
) -> Callable[..., Response]:
    """Call `handler(session, **path)` in a transaction and send what it returns once that is committed.

    A repeat with the same Idempotency-Key is sent
    `again(session, body)` of the body that was kept.
    """

    @wraps(handler)
    def wrapped(**path: Any) -> Response:
        _read_body()  # before the transaction: a slow sender must not hold a connection
        with transaction() as session:
            body, status, headers = (*_once(session, lambda: handler(session, **path), again), {})[:3]
        if isinstance(body, Later):
            later, body = body, body.so_far
            try:
                body = later.act()
                _remember_for_good((body, status, headers))
            except DISCONNECTED as error:  # what was accepted is, whatever comes after
                log("database away", logging.WARNING, error=type(error).__name__)
        response = make_response(jsonify(body) if status != 204 else "", status)
        response.headers.update(headers)
        return response

    return wrapped


def _read_body() -> None:
    """Raises 413 for what is longer than it may be, where Werkzeug cuts a body that did not name its length."""
    _ = request.files or request.get_data()
    if request.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge


def _once(session: Session, act: Callable[[], Answer], again: Callable[[Session, Any], Any]) -> Answer:
    key = request.headers.get("Idempotency-Key")
    if key is None or request.method != "POST":
        return act()
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise invalid("Idempotency-Key", f"must be 1 to {LONGEST_KEY} printable characters")
    scope = g.workspace_id or "operator"
    mine = (IdempotencyKey.scope == scope, IdempotencyKey.key == key)
    place = f"{scope}/{key}"
    fingerprint = _fingerprint()
    new = insert(IdempotencyKey).values(scope=scope, key=key, fingerprint=fingerprint)
    if session.scalar(new.on_conflict_do_nothing().returning(IdempotencyKey.key)) is None:  # waits for a twin's commit
        first = session.scalars(select(IdempotencyKey).where(*mine)).one()
        if first.fingerprint != fingerprint or first.answer is None:
            raise invalid("Idempotency-Key", "was used for another request")
        body, *rest = sealing.unseal(place, first.answer)
        return (again(session, body), *rest)
    answer = act()
    g.remember_as = place, mine
    _remember(session, answer)
    return answer


def _remember(session: Session, answer: Answer) -> None:
    """Give this answer again to whoever comes with the request's key."""
    place, mine = g.remember_as
    body = answer[0].so_far if isinstance(answer[0], Later) else answer[0]
    sealed = sealing.seal(place, [body, *answer[1:]])
    session.execute(update(IdempotencyKey).where(*mine).values(answer=sealed))


def _remember_for_good(answer: Answer) -> None:
    if "remember_as" in g:
        with transaction() as session:
            _remember(session, answer)


def _fingerprint() -> bytes:
    """SHA-256 of what is asked: method, path and body (of an upload its fields and bytes: boundaries differ each time)."""
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode())
    if not request.files:
        digest.update(request.get_data())
        return digest.digest()
    digest.update(json.dumps(sorted(request.form.items(multi=True))).encode())
    for name, file in sorted(request.files.items(multi=True)):
        digest.update(
            f"{name} {file.filename}\n".encode() + hashlib.file_digest(cast(Any, file.stream), "sha256").digest()
        )
        file.stream.seek(0)
    return digest.digest()
