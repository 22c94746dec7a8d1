"""Sessions of the console: a signed cookie that names a key. It ends with the key, when it is signed out, or after a week."""

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import quote

from flask import abort, g, redirect, request
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response

from nightshift import clock
from nightshift.db.session import statement
from nightshift.ids import made_at, new_id
from nightshift.settings import settings
from nightshift.workspaces import SESSION_LIFETIME

HOME, SIGN_IN = "/console", "/console/sign-in"
COOKIE = "nightshift_console"
OPERATOR = "operator"

LOOK_UP = """
    SELECT (SELECT workspace_id FROM api_keys WHERE id = %(key)s) AS workspace_id,
           EXISTS (SELECT FROM ended_sessions WHERE id = %(id)s) AS ended
"""
END = "INSERT INTO ended_sessions (id) VALUES (%(id)s) ON CONFLICT DO NOTHING"


@dataclass(frozen=True)
class Session:
    """Who is signed in. `workspace_id`, `key_id`: of a workspace's key; an operator has neither."""

    id: str
    workspace_id: str | None
    key_id: str | None


def current() -> Session | None:
    """The session of this request, looked up once."""
    if "console" not in g:
        g.console = _read(request.cookies.get(COOKIE, ""))
    session: Session | None = g.console
    return session


def required() -> Session:
    """The same. Without one, the request ends with a redirect to the sign-in page, which leads back to a GET."""
    session = current()
    if session is None:
        back = f"?next={quote(request.full_path.rstrip('?'), safe='/')}" if request.method == "GET" else ""
        abort(redirect(SIGN_IN + back, 303))
    return session


def begin(response: Response, key: str) -> Response:
    """Sign in by this response. `key`: the id of a workspace's key, or OPERATOR."""
    token = _signer().dumps([new_id("ses"), _operator() if key == OPERATOR else key])
    response.set_cookie(
        COOKIE, token, max_age=SESSION_LIFETIME, path=HOME, httponly=True, samesite="Strict", secure=_is_https()
    )
    return response


def end(session: Session) -> None:
    """Sign out: from now on no copy of the cookie is accepted."""
    statement(END, id=session.id)


def forget(response: Response) -> Response:
    response.delete_cookie(COOKIE, path=HOME, httponly=True, samesite="Strict")
    return response


def signed(purpose: str) -> URLSafeSerializer:
    """Signs with the newest of CREDENTIAL_KEYS, and accepts the others."""
    keys = list(reversed(settings().credential_keys))
    how = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(keys, salt=f"nightshift.console.{purpose}", signer_kwargs=how)


def _read(token: str) -> Session | None:
    try:
        session_id, key = _signer().loads(token)
    except BadSignature:
        return None
    began = made_at(session_id)
    if began is None or clock.now() - began > SESSION_LIFETIME:
        return None
    row = statement(LOOK_UP, id=session_id, key=key)[0]
    is_operator = hmac.compare_digest(key, _operator())
    if row.ended or not (is_operator or row.workspace_id):
        return None
    return Session(session_id, None, None) if is_operator else Session(session_id, row.workspace_id, key)


def _signer() -> URLSafeSerializer:
    return signed("session")


def _operator() -> str:
    """Stands for the operator's key in a cookie: another ADMIN_API_KEY ends its sessions."""
    name = f"{OPERATOR} {settings().admin_api_key}".encode()
    return f"{OPERATOR}-{hmac.digest(settings().credential_keys[0].encode(), name, 'sha256').hex()[:32]}"


def _is_https() -> bool:
    """Whether the browser came by https: it says so itself, in the Origin of every POST, whatever proxy is between."""
    return request.headers.get("Origin", settings().public_url or "").startswith("https://")
