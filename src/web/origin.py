"""Which site's page sent a request: browsers say it, and scripts of a page cannot change what they say."""

from flask import request

from nightshift.settings import settings
from web.error_responses import Problem


def check() -> None:
    """Raises 403 for a request that changes something and comes from another site's page.

    Sec-Fetch-Site is sent by browsers of today over https and on loopback, Origin with every POST of any browser. A request
    with neither comes from no page.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site, origin = request.headers.get("Sec-Fetch-Site", "none"), request.headers.get("Origin")
    if site not in ("same-origin", "none") or (origin is not None and origin.partition("://")[2] not in _own()):
        raise Problem(403, "Only this server's own pages may send this request.")


def _own() -> set[str]:
    """The hosts by which this server is reached; a proxy may have put another name into Host."""
    public = (settings().public_url or "").partition("://")[2].partition("/")[0]
    return {request.host, public} - {""}
