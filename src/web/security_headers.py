"""What every response tells a browser, whether a route, an error or the server made it."""

from flask import Response

from nightshift.settings import settings

UNLESS_SET = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# Browsers obey it over https only. So it can always be sent, and is right behind a proxy that speaks http to us.
IN_PRODUCTION = {"Strict-Transport-Security": "max-age=31536000"}


def defaults() -> dict[str, str]:
    return UNLESS_SET | (IN_PRODUCTION if settings().production else {})


def add(response: Response) -> Response:
    there = {name.lower() for name, _ in response.headers}
    response.headers.extend({name: value for name, value in defaults().items() if name.lower() not in there})
    return response
