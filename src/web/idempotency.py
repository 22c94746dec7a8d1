"""One response for one Idempotency-Key: claimed and kept in the transaction of the request that it answers."""

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, cast

from flask import g, request
from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy.orm import Session

from nightshift import clock, sealing
from nightshift.db.models import IdempotencyKey
from nightshift.db.session import execute
from web.error_responses import Problem, invalid
from web.request_parsing import Parameters
from web.response_models import Rendered


def _printable(key: str) -> str:
    if not key.isprintable():
        raise ValueError("must consist of printable characters")
    return key


Key = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_printable)]


class OptionalKey(Parameters):
    idempotency_key: Annotated[
        Key | None,
        Field(alias="Idempotency-Key", description="The same key with the same body gives the first response again"),
    ] = None


class RequiredKey(Parameters):
    idempotency_key: Annotated[
        Key,
        Field(alias="Idempotency-Key", description="A request that is sent twice with the same key takes effect once"),
    ]


CLAIM = """
    INSERT INTO idempotency_keys (scope, key, fingerprint, created_at) VALUES (%(scope)s, %(key)s, %(fingerprint)s, %(now)s)
    ON CONFLICT DO NOTHING RETURNING key
"""
KEEP = "UPDATE idempotency_keys SET answer = %(answer)s, row_id = %(row_id)s WHERE scope = %(scope)s AND key = %(key)s"


@dataclass(frozen=True)
class Kept:
    """The response to the first request with a key. `provisional`: its AfterCommit had not ended."""

    response: Rendered
    provisional: bool

    @property
    def value(self) -> Any:
        return json.loads(self.response.body)


def claim(session: Session, key: str) -> Kept | None:
    """Take the key for this request, or return what the first request with it was answered. Raises 422.

    A request with a key that is in use waits for the commit of the other one.
    """
    fingerprint = _fingerprint()
    if execute(session, CLAIM, scope=_scope(), key=key, fingerprint=fingerprint, now=clock.now()):
        return None
    first = session.get_one(IdempotencyKey, (_scope(), key))
    if first.fingerprint != fingerprint or first.answer is None:
        raise used_for_another_request()
    response, provisional = sealing.unseal(f"{_scope()}/{key}", first.answer)
    return Kept(Rendered(*response), provisional)


def keep(session: Session, key: str, response: Rendered, *, provisional: bool = False) -> None:
    """Give this response to every later request with the key."""
    sealed = sealing.seal(f"{_scope()}/{key}", [response, provisional])
    execute(session, KEEP, scope=_scope(), key=key, answer=sealed, row_id=_made(response), alone=True)


def _made(response: Rendered) -> str | None:
    """The id of what the request made, so that its answer goes when that is deleted."""
    with suppress(ValueError, AttributeError):
        made = json.loads(response.body).get("id")
        return made if isinstance(made, str) else None
    return None


def used_for_another_request() -> Problem:
    return invalid("Idempotency-Key", "was used for another request")


def _scope() -> str:
    return g.workspace_id or "operator"


def _fingerprint() -> bytes:
    """SHA-256 of method, path and body. An upload counts by its fields and files: its boundary differs each time."""
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode())
    if not (request.files or request.form):
        digest.update(request.get_data())
        return digest.digest()
    digest.update(json.dumps(sorted(request.form.items(multi=True))).encode())
    for name, file in sorted(request.files.items(multi=True)):
        content = hashlib.file_digest(cast(Any, file.stream), "sha256")
        digest.update(f"{name} {file.filename}\n".encode() + content.digest())
        file.stream.seek(0)
    return digest.digest()
