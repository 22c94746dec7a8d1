"""Which page may press the dashboard's buttons, and which of its addresses there are."""

from typing import Any

from flask import request

from runner.registry import QUEUES
from web import home_guard
from web.problems import Problem, not_found

REGISTRIES = {"queued", "scheduled", "deferred", "started", "finished", "failed", "canceled"}
MOST = {"per_page": 200, "page": 100_000}


def check() -> None:
    """Before each of its requests. Raises 401, 403, 404 and 405."""
    home_guard.admit()
    if request.endpoint == "rq_dashboard.requeue_all" and request.method != "POST":  # it would act on a GET
        raise Problem(405, "This address does not take that method.", headers={"Allow": "POST"})
    if request.method == "POST" and not _from_our_page():
        raise Problem(403, "Only the dashboard's own pages may ask for this.")
    _find_place(request.view_args or {})


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
