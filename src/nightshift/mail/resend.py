"""Resend: the request that sends a mail, and the meaning of its response."""

import json
from typing import Any

from nightshift.errors import PermanentError, TemporaryError
from nightshift.http import post_trusted
from nightshift.response import Codes, Response, classify, to_error
from nightshift.settings import settings
from nightshift.vendor_call import vendor_call

DEADLINE_SECONDS = 20.0
MAX_BYTES = 64 << 10
MAX_ID_CHARACTERS = 200
TAG = "nightshift"  # which Resend's reports repeat: the mail's id

KEY = (PermanentError, "Resend does not accept our API key. Your operator must set a valid RESEND_API_KEY.")
SENDER = (
    PermanentError,
    "Resend denied access. Your operator must check RESEND_API_KEY, and that the domain of RESEND_FROM is verified.",
)
INVALID = (
    PermanentError,
    "Resend says this mail is not valid, most likely because of the address it goes to, or RESEND_FROM.",
)
TROUBLE = (TemporaryError, "Resend is having trouble.")
BY_NAME: Codes = {
    **dict.fromkeys(("missing_api_key", "restricted_api_key", "invalid_api_key"), KEY),
    "invalid_from_address": SENDER,
    "invalid_idempotent_request": (
        PermanentError,
        "Resend received this mail before with other contents, most likely because RESEND_FROM was changed since.",
    ),
    "concurrent_idempotent_requests": (TemporaryError, "Resend is still processing an earlier attempt of this mail."),
    "daily_quota_exceeded": (PermanentError, "The day's quota at Resend is used up. Your operator must raise it."),
    "monthly_quota_exceeded": (PermanentError, "The month's quota at Resend is used up. Your operator must raise it."),
    "rate_limit_exceeded": (TemporaryError, "Resend asks us to send more slowly."),
    **dict.fromkeys(("application_error", "internal_server_error"), TROUBLE),
}
BY_STATUS: Codes = {
    400: INVALID,
    401: KEY,
    403: SENDER,
    422: INVALID,
    451: (PermanentError, "Resend refused this mail for security reasons."),
    **dict.fromkeys(range(500, 600), TROUBLE),
}


def send(to: str, subject: str, html: str, text: str, key: str) -> str | None:
    """Send a mail and return Resend's id of it, None where the response does not contain one.

    `key`: begins with the mail's id and "/". Resend drops a second mail with the same key for 24 hours. Raises PermanentError
    and TemporaryError, whose `answer_lost` says that the mail may have been accepted all the same.
    """
    config = settings()
    if config.resend_from is None:
        raise PermanentError("There is no sender address. Your operator must set RESEND_FROM.")
    mail: dict[str, Any] = {"from": config.resend_from, "to": [to], "subject": subject, "html": html, "text": text}
    if config.resend_webhook_secret:  # Resend's reports name it
        mail["tags"] = [{"name": TAG, "value": key.partition("/")[0]}]
    headers = {
        "Authorization": f"Bearer {config.resend_api_key}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    url, body = f"{config.resend_base_url}/emails", json.dumps(mail).encode()
    with vendor_call("RESEND") as call:
        try:
            response = post_trusted(url, body, headers, max_bytes=MAX_BYTES, deadline_seconds=DEADLINE_SECONDS)
        except TemporaryError as lost:
            error = TemporaryError("Resend could not be reached, or did not respond in time.")
            error.answer_lost = lost.answer_lost
            raise error from None
        call.status = response.status
        return accepted_id(response)


def accepted_id(response: Response) -> str | None:
    """The id of an accepted mail. Raises the error that the response means: by the body's `name`, else by the status."""
    body = response.vendor_json("Resend")
    name = body.get("name")
    meaning = BY_NAME.get(name) if isinstance(name, str) else None
    if meaning is None and response.ok:
        found = body.get("id")
        return found[:MAX_ID_CHARACTERS] if isinstance(found, str) and found.isprintable() and found else None
    error = to_error(meaning or classify(response.status, "Resend", "this mail", BY_STATUS), response.headers)
    if isinstance(error, TemporaryError):
        error.answer_lost = response.status != 429  # after "too many requests" the mail was not looked at
    raise error
