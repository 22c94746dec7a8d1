"""Who may open the pages for developers: this machine, and elsewhere who has the operator's key."""

import hmac
import ipaddress
from urllib.parse import urlsplit

from flask import request

from nightshift.settings import settings
from web.problems import Problem

FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")  # what proxies on loopback add


def admit() -> None:
    """Before each request for such a page. Raises 401."""
    if not _at_home() and not _has_key():
        challenge = {"WWW-Authenticate": 'Basic realm="Nightshift", charset="UTF-8"'}
        raise Problem(
            401, "From elsewhere than this machine: any name, and ADMIN_API_KEY as the password.", None, challenge
        )


def _at_home() -> bool:
    """Asked on this machine, through no proxy, and under its own name: a page of a name that was rebound to loopback is
    not at home."""
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
