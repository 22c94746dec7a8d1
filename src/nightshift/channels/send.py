"""Sends a message: its parts in order, each vendor's answer classified."""

import time
from dataclasses import replace

from nightshift import http, sealing
from nightshift.channels import accounts, attempts
from nightshift.channels.attempts import Attempt
from nightshift.channels.base import Moved, Part
from nightshift.channels.split import split
from nightshift.errors import NightshiftError, TemporaryError
from nightshift.outbox import Lease

WRITE_SECONDS = 1.5  # beyond the lease's time, to record the vendor's last answer where Postgres is away just then
PART_SECONDS = 5.0  # with less than that left, the next part is left to the next run
USER_NAMED_SECONDS = 15.0  # of an attempt, for an address that a user named
MAX_ANSWER_BYTES = 1 << 20


def send(lease: Lease) -> None:
    """Send what of the message is still missing; then it is SENT.

    Raises PermanentError and TemporaryError with a sentence for a person, Snooze while the vendor wants to be left alone,
    LeaseLost. Where an answer was lost the outcome stays unknown: it is sent again, because losing is worse, with the
    vendor's idempotency key where it has one.
    """
    lease.write_until = lease.write_until or lease.ends + WRITE_SECONDS
    attempt = attempts.begin(lease)
    credentials = sealing.unseal(accounts.scope_of(attempt.workspace_id, attempt.channel_type), attempt.credentials)
    pieces, first = split(attempt.content, attempt.channel.limit), len(attempt.provider_ids)
    for number in range(first, len(pieces)):
        if number > first and lease.ends - time.monotonic() < PART_SECONDS:
            attempt.snooze(f"Parts 1 to {number} of {len(pieces)} are sent; the others follow.")
        key = f"{lease.row_id}/{number + 1}"
        part = Part(attempt.customer_id, pieces[number], key, attempt.attempts)
        attempt.provider_ids.append(_post(attempt, credentials, part))
        if number + 1 < len(pieces):
            attempt.part_sent()
    attempt.succeeded()


def _post(attempt: Attempt, credentials: dict[str, str], part: Part) -> str:
    """The vendor's id of the part."""
    call = attempt.channel.call(credentials, part)
    post = http.post if call.user_named else http.post_trusted
    ends = min(attempt.lease.ends, attempt.begun + USER_NAMED_SECONDS) if call.user_named else attempt.lease.ends
    left = max(ends - time.monotonic(), 0.01)
    try:
        answer = post(call.url, call.body, call.headers, max_bytes=MAX_ANSWER_BYTES, deadline_seconds=left)
    except TemporaryError as error:
        raise _unanswered(attempt.channel.name, error.answer_lost) from None
    attempt.http_status = answer.status
    try:
        return attempt.channel.message_id(answer, part)
    except Moved as moved:
        if part.to != attempt.customer_id:
            raise  # once
        return _post(attempt, credentials, replace(part, to=moved.to))
    except NightshiftError as error:
        error.http_status = answer.status
        raise


def _unanswered(vendor: str, answer_lost: bool) -> TemporaryError:
    lost = f"{vendor} did not answer in time or closed the connection: whether the message arrived is unknown."
    error = TemporaryError(lost if answer_lost else f"{vendor} could not be reached.")
    error.answer_lost = answer_lost
    return error
