"""What every response tells a browser, whether a route, an error or the server made it."""

from flask import Response

from nightshift.settings import settings

ALWAYS = {"X-Content-Type-Options": "nosniff"}
UNLESS_SET = {
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# Browsers obey it over https only. So it can always be sent, and is right behind a proxy that speaks http to us.
IN_PRODUCTION = {"Strict-Transport-Security": "max-age=31536000"}


def defaults() -> dict[str, str]:
    return ALWAYS | UNLESS_SET | (IN_PRODUCTION if settings().production else {})


def add(response: Response) -> Response:
    for name, value in defaults().items():
        if name not in UNLESS_SET or name not in response.headers:
            response.headers[name] = value
    return response
