"""Which site's page sent a request: browsers say it, and scripts of a page cannot change what they say."""

from flask import request

from nightshift.settings import settings
from web.error_responses import Problem


def check(*, required: bool = False) -> None:
    """Raises 403 for a request that changes something and comes from another site's page.

    Sec-Fetch-Site is sent by browsers of today over https and on loopback, Origin with every POST of any browser. A request
    with neither comes from no page; where an origin is `required`, it is refused too.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site = request.headers.get("Sec-Fetch-Site", "none")
    source = request.headers.get("Origin", request.headers.get("Referer"))
    is_own = not required if source is None else _host(source) in _own()
    if site not in ("same-origin", "none") or not is_own:
        raise Problem(403, "Only this server's own pages may send this request.")


def _own() -> set[str]:
    """The hosts by which this server is reached; a proxy may have put another name into Host."""
    return {request.host, _host(settings().public_url or "")} - {""}


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]
