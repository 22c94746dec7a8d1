"""Which refusals a route can answer with, for the description of the API: they follow from its shape."""

from typing import Any

from web.routes import Route

MEDIA = "application/problem+json"
WHY = {
    400: "Not readable: malformed JSON, a body that broke off, a NUL character",
    401: "No key, or not one that opens this route",
    404: "Not here: it does not exist, or is another workspace's",
    409: "Not in the state that this needs",
    413: "Larger than we take: 50 MB for a file, 10 MB for JSON",
    414: "The address is longer than 8,190 characters",
    415: "Not a kind of content that we take",
    422: "Not valid; `errors` names each field",
    429: "This key asks too often",
    502: "A vendor refused what we asked of it",
    503: "Not now: something that this needs does not answer",
}
WAITS = (429, 503)
WAIT = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "string", "pattern": "^[0-9]+$"}}}


def of(route: Route) -> dict[str, Any]:
    """The entries under `responses`."""
    statuses = {400, *route.also}
    if route.access != "public":
        statuses |= {401, 503}
    if route.access == "workspace":
        statuses |= {429}
    if "{" in route.path:
        statuses |= {404}
    if route.method != "get":  # whatever is sent is read
        statuses |= {413}
    if route.body is not None:
        statuses |= {415, 422}
    if any(parameter["in"] == "query" for parameter in route.parameters):
        statuses |= {414}
    if route.parameters or route.method == "post":  # whose Idempotency-Key can be wrong
        statuses |= {422}
    return {str(status): _entry(status) for status in sorted(statuses)}


def _entry(status: int) -> dict[str, Any]:
    entry = {"description": WHY[status], "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    return entry | ({"headers": WAIT} if status in WAITS else {})
