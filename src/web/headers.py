"""What every answer tells a browser, whoever made the answer."""

from flask import Response

from nightshift.settings import settings

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
ALWAYS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"}
UNLESS_IT_SAYS = {"Content-Security-Policy": NOTHING, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
# Browsers heed it over https only: it can be said always, and is right behind a proxy that speaks http to us.
IN_PRODUCTION = {"Strict-Transport-Security": "max-age=31536000"}


def of_any_answer() -> dict[str, str]:
    return ALWAYS | UNLESS_IT_SAYS | (IN_PRODUCTION if settings().production else {})


def harden(response: Response) -> Response:
    for name, value in of_any_answer().items():
        if name not in UNLESS_IT_SAYS or name not in response.headers:
            response.headers[name] = value
    return response
