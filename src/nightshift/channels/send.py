"""Sends a message: its parts in order, each vendor's answer classified."""

import time
from contextlib import suppress
from dataclasses import replace

from nightshift import http, sealing
from nightshift.channels import accounts, attempts, reports
from nightshift.channels.attempts import Attempt
from nightshift.channels.base import Call, Moved, Part
from nightshift.channels.split import split
from nightshift.db.session import DISCONNECTED
from nightshift.errors import NightshiftError, TemporaryError, one_line
from nightshift.outbox import Lease
from nightshift.response import Response
from nightshift.vendor_call import vendor_call

PART_SECONDS = 5.0  # with less than that left, the next part is left to the next run
USER_NAMED_SECONDS = 15.0  # of an attempt, for an address that a user named
MAX_ANSWER_BYTES = 1 << 20


def send(lease: Lease) -> None:
    """Send what of the message is still missing; then it is SENT.

    Raises PermanentError and TemporaryError with a sentence for a person, Snooze while the vendor wants to be left alone,
    LeaseLost. Where an answer was lost the outcome stays unknown: it is sent again, because losing is worse, with the
    vendor's idempotency key where it has one.
    """
    attempt = attempts.begin(lease)
    if attempt is None:
        return
    credentials = sealing.unseal(accounts.scope_of(attempt.workspace_id, attempt.channel_type), attempt.credentials)
    pieces = split(attempt.content, attempt.channel.limit)
    missing = attempt.missing(len(pieces))
    for number in missing:
        if number > missing[0] and lease.ends - time.monotonic() < PART_SECONDS:
            attempt.snooze(f"Parts 1 to {number} of {len(pieces)} are sent; the others follow.")
        key = f"{lease.row_id}/{number + 1}"
        part = Part(
            attempt.customer_id, pieces[number], key, attempt.attempts, f"{key}/{lease.generation}",
            accounts.hook_url(attempt.channel_type, attempt.hook_id),
        )  # fmt: skip
        attempt.took(number, _post(attempt, credentials, part))
        if number < missing[-1]:
            attempt.part_sent()
    attempt.succeeded()
    if attempt.channel.reports:
        with suppress(*DISCONNECTED):  # the scheduler looks again
            reports.settle_message(lease.row_id)


def _post(attempt: Attempt, credentials: dict[str, str], part: Part) -> str:
    """The vendor's id of the part."""
    call = attempt.channel.call(credentials, part)
    ends = min(attempt.lease.ends, attempt.begun + USER_NAMED_SECONDS) if call.user_named else attempt.lease.ends
    try:
        with vendor_call(attempt.channel_type) as made:
            try:
                answer = exchange(call, max(ends - time.monotonic(), 0.01))
            except TemporaryError as error:
                raise _unanswered(attempt.channel.name, error.answer_lost) from None
            attempt.http_status = made.status = answer.status
            return one_line(attempt.channel.message_id(answer, part))
    except Moved as moved:
        if part.to != attempt.customer_id:
            raise  # once
        return _post(attempt, credentials, replace(part, to=moved.to))
    except NightshiftError as error:
        error.http_status = made.status
        raise


def exchange(call: Call, seconds: float) -> Response:
    """The vendor's answer. Raises TemporaryError where none came, PermanentError for an address that is not allowed."""
    post = http.post if call.user_named else http.post_trusted
    return post(
        call.url, call.body, call.headers, max_bytes=MAX_ANSWER_BYTES, deadline_seconds=seconds, method=call.method
    )


def _unanswered(vendor: str, answer_lost: bool) -> TemporaryError:
    lost = f"{vendor} did not answer in time or closed the connection: whether the message arrived is unknown."
    error = TemporaryError(lost if answer_lost else f"{vendor} could not be reached.")
    error.answer_lost = answer_lost
    return error
