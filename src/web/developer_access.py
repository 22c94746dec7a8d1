"""Who may open the pages for developers: this machine, and elsewhere a caller with the operator's key."""

import hmac
import ipaddress
from urllib.parse import urlsplit

from flask import request

from nightshift.settings import settings
from web import origin
from web.error_responses import Problem

FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")  # what proxies on loopback add


def check() -> None:
    """Before each request for such a page. Raises 401, and 403 for a POST from another site's page."""
    if not is_local() and not _has_key():
        detail = "From another machine, sign in with any name and ADMIN_API_KEY as the password."
        raise Problem(401, detail, headers={"WWW-Authenticate": 'Basic realm="Nightshift", charset="UTF-8"'})
    origin.check(required=True)  # for tools there is `nightshift`


def is_local() -> bool:
    """Whether it comes from this machine, through no proxy, and names this machine as the host: a page whose name was
    rebound to loopback names another."""
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        names = (request.remote_addr, urlsplit(f"//{request.host}").hostname)
        return all(name == "localhost" or ipaddress.ip_address(name or "").is_loopback for name in names)
    except ValueError:
        return False


def _has_key() -> bool:
    sent = request.authorization
    password = (sent.password or "") if sent and sent.type == "basic" else ""
    return hmac.compare_digest(password.encode(), settings().admin_api_key.encode())
