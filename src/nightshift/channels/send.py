"""Sending a message: its parts in order, each vendor's answer judged."""

import time
from dataclasses import replace

from nightshift import http, sealing
from nightshift.channels import accounts, tries
from nightshift.channels.base import Moved, Part
from nightshift.channels.split import split
from nightshift.channels.tries import Try
from nightshift.errors import LeaseLost, NotYet, TemporaryError
from nightshift.work import Lease

DEADLINE_SECONDS = 40.0  # of all parts together, in a worker: its job may take 60
WRITE_SECONDS = 1.5  # more, to write down what the vendor said last, where Postgres is away just then
PART_SECONDS = 5.0  # with less than that left, the next part is left to the next run
MOST_ANSWER_BYTES = 1 << 20


def send(lease: Lease, deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Send what of the message is still missing; then it is SENT.

    Raises PermanentError and TemporaryError with a sentence for a person, NotYet while the vendor wants to be left alone,
    LeaseLost. Where an answer was lost the outcome stays unknown: it is sent again, because losing is worse, with the
    vendor's idempotency key where it has one.
    """
    ends = time.monotonic() + deadline_seconds
    this = tries.begin(lease, write_until=ends + WRITE_SECONDS)
    try:
        _send_parts(this, ends)
    except (LeaseLost, NotYet):
        raise
    except Exception as error:
        this.failed(error)
        raise
    this.succeeded()


def _send_parts(this: Try, ends: float) -> None:
    credentials = sealing.unseal(accounts.place(this.workspace_id, this.channel_type), this.credentials)
    pieces, first = split(this.content, this.channel.limit), len(this.provider_ids)
    for number in range(first, len(pieces)):
        if number > first and ends - time.monotonic() < PART_SECONDS:
            this.put_down(f"Parts 1 to {number} of {len(pieces)} are sent; the others follow.")
        key = f"{this.lease.row_id}/{number + 1}"
        part = Part(this.customer_id, pieces[number], key, this.tries)
        this.provider_ids.append(_post(this, credentials, part, ends))
        if number + 1 < len(pieces):
            this.part_sent()


def _post(this: Try, credentials: dict[str, str], part: Part, ends: float) -> str:
    """The vendor's id of the part."""
    call = this.channel.call(credentials, part)
    post = http.post if call.user_named else http.post_trusted
    this.http_status = None
    try:
        left = max(ends - time.monotonic(), 0.01)
        answer = post(call.url, call.body, call.headers, max_bytes=MOST_ANSWER_BYTES, deadline_seconds=left)
    except TemporaryError as error:
        raise _unanswered(this.channel.name, error.answer_lost) from None
    this.http_status = answer.status
    try:
        return this.channel.judge(answer, part)
    except Moved as moved:
        if part.to != this.customer_id:
            raise  # once
        return _post(this, credentials, replace(part, to=moved.to), ends)


def _unanswered(vendor: str, answer_lost: bool) -> TemporaryError:
    lost = f"{vendor} did not answer in time, or broke off: whether the message arrived is not known."
    error = TemporaryError(lost if answer_lost else f"{vendor} could not be reached.")
    error.answer_lost = answer_lost
    return error
