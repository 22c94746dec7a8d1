"""Resend, by its HTTP API: the one call that sends a mail, and what its answer means."""

import json
from collections.abc import Mapping
from typing import Any

from nightshift.errors import NightshiftError, PermanentError, TemporaryError
from nightshift.http import post_trusted
from nightshift.response import BUSY, Response, retry_after_seconds
from nightshift.settings import settings

DEADLINE_SECONDS = 20.0
MOST_BYTES = 64 << 10
MOST_ID_CHARACTERS = 200

Meaning = tuple[type[PermanentError] | type[TemporaryError], str]

KEY = (PermanentError, "Resend does not accept our key. Your operator has to set a valid RESEND_API_KEY.")
SENDER = (
    PermanentError,
    "Resend does not let us send. Your operator has to check RESEND_API_KEY and that RESEND_FROM's domain is verified.",
)
INVALID = (PermanentError, "Resend finds this mail not valid: most likely the address it goes to, or RESEND_FROM.")
TROUBLE = (TemporaryError, "Resend is having trouble.")
BY_NAME: Mapping[str, Meaning] = {
    **dict.fromkeys(("missing_api_key", "restricted_api_key", "invalid_api_key"), KEY),
    "invalid_from_address": SENDER,
    "invalid_idempotent_request": (
        PermanentError,
        "Resend has got this mail before, with other contents: most likely it was sent before RESEND_FROM was changed.",
    ),
    "concurrent_idempotent_requests": (TemporaryError, "Resend is still busy with an earlier try of this mail."),
    "daily_quota_exceeded": (PermanentError, "The day's quota at Resend is used up. Your operator has to raise it."),
    "monthly_quota_exceeded": (
        PermanentError,
        "The month's quota at Resend is used up. Your operator has to raise it.",
    ),
    "rate_limit_exceeded": (TemporaryError, "Resend asks us to send more slowly."),
    **dict.fromkeys(("application_error", "internal_server_error"), TROUBLE),
}
BY_STATUS: Mapping[int, Meaning] = {
    400: INVALID,
    401: KEY,
    403: SENDER,
    422: INVALID,
    451: (PermanentError, "Resend refuses to send this mail, for reasons of security."),
}


def send(to: str, subject: str, html: str, text: str, key: str) -> str | None:
    """Hand a mail over: Resend's id of it, None where it took it and did not say.

    `key`: with the same one a second mail is dropped for 24 hours. Raises PermanentError and TemporaryError, whose
    `answer_lost` says that the mail may have been taken all the same.
    """
    config = settings()
    if config.resend_from is None:
        raise PermanentError("There is no address to send from. Your operator has to set RESEND_FROM.")
    mail = {"from": config.resend_from, "to": [to], "subject": subject, "html": html, "text": text}
    headers = {
        "Authorization": f"Bearer {config.resend_api_key}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    url, body = f"{config.resend_base_url}/emails", json.dumps(mail).encode()
    try:
        answer = post_trusted(url, body, headers, max_bytes=MOST_BYTES, deadline_seconds=DEADLINE_SECONDS)
    except TemporaryError as lost:
        raise _temporary("Resend could not be reached, or did not answer in time.", lost.answer_lost) from None
    return judge(answer)


def judge(answer: Response) -> str | None:
    """The id of a mail that was taken. Raises what else the answer means: by the body's `name`, then by the status."""
    body = _body_of(answer)
    name = body.get("name")
    known = BY_NAME.get(name) if isinstance(name, str) else None
    if known is None and 200 <= answer.status < 300:
        found = body.get("id")
        return found[:MOST_ID_CHARACTERS] if isinstance(found, str) and found.isprintable() and found else None
    raise _refusal(answer, known or BY_STATUS.get(answer.status) or _by_status(answer.status))


def _refusal(answer: Response, meaning: Meaning) -> NightshiftError:
    kind, sentence = meaning
    if issubclass(kind, PermanentError):
        return kind(sentence)
    maybe_taken = answer.status != 429  # too many requests: this one was not looked at
    return _temporary(sentence, maybe_taken, retry_after_seconds(answer.headers))


def _by_status(status: int) -> Meaning:
    if status in BUSY:
        return TemporaryError, f"Resend is busy (HTTP {status})."
    return TROUBLE if status >= 500 else (PermanentError, f"Resend refused this mail (HTTP {status}).")


def _temporary(sentence: str, answer_lost: bool, wait_seconds: float | None = None) -> TemporaryError:
    error = TemporaryError(sentence, wait_seconds)
    error.answer_lost = answer_lost
    return error


def _body_of(answer: Response) -> dict[str, Any]:
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
