"""Who may open the dashboard, which page may press its buttons, and which of its addresses there are."""

from __future__ import annotations

import hmac
import ipaddress
from typing import Any
from urllib.parse import urlsplit

from flask import request

from jobs.queues import QUEUES
from nightshift.settings import settings
from web.problems import Problem, not_found

FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")  # what proxies on loopback add
REGISTRIES = {"queued", "scheduled", "deferred", "started", "finished", "failed", "canceled"}
MOST = {"per_page": 200, "page": 100_000}


def check() -> None:
    """Before each of its requests. Raises 401, 403, 404 and 405."""
    if not _at_home() and not _has_key():
        challenge = {"WWW-Authenticate": 'Basic realm="Nightshift", charset="UTF-8"'}
        raise Problem(
            401, "From elsewhere than this machine: any name, and ADMIN_API_KEY as the password.", None, challenge
        )
    if request.endpoint == "rq_dashboard.requeue_all" and request.method != "POST":  # it would act on a GET
        raise Problem(405, "This address does not take that method.", headers={"Allow": "POST"})
    if request.method == "POST" and not _from_our_page():
        raise Problem(403, "Only the dashboard's own pages may ask for this.")
    _find_place(request.view_args or {})


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


def _from_our_page() -> bool:
    """Browsers say on every POST where it comes from; who says nothing is refused (for tools there is `make ops`)."""
    source = request.headers.get("Origin") or request.headers.get("Referer", "")
    host = source.partition("://")[2].partition("/")[0]
    return host != "" and host == request.host and request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"


def _find_place(names: dict[str, Any]) -> None:
    """Bring what the path names into bounds. Raises 404 for what is not there."""
    if "queue_name" in names and names["queue_name"] is None:
        names["queue_name"] = next(iter(QUEUES))
    known = {"instance_number": {0}, "queue_name": QUEUES, "registry_name": REGISTRIES, "order": {"asc", "dsc"}}
    if any(name in names and names[name] not in values for name, values in known.items()):
        raise not_found()
    for name, most in MOST.items():
        if name in names:
            if not str(names[name]).isdecimal():
                raise not_found()
            names[name] = min(max(int(names[name]), 1), most)
