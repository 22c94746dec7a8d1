"""One try to send a message: written down before the call, its parts in order, its answer judged."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from sqlalchemy import text

from nightshift import clock, events, http, sealing
from nightshift.channels import CHANNELS, accounts
from nightshift.channels.base import Channel, Moved, Part
from nightshift.channels.messages import HELD_TOO_LONG
from nightshift.channels.split import split
from nightshift.db.session import patiently, statement, transaction
from nightshift.errors import BadCredential, LeaseLost, NightshiftError, NotYet, PermanentError, TemporaryError
from nightshift.ids import new_id
from nightshift.judging import UNEXPECTED, wait_seconds
from nightshift.work import Lease

DEADLINE_SECONDS = 40.0  # of all parts together, in a worker: its job may take 60
PART_SECONDS = 5.0  # with less than that left, the next part is left to the next run
MOST_ANSWER_BYTES = 1 << 20
GIVE_UP = timedelta(minutes=60)  # after the first try
GONE = "This channel has been removed. Put its credentials, then send the message again."
TOO_LATE = "It could not be sent within an hour of the first try."

# Under the lease: what is to be sent, and by whom. Where it may go now, this try is written down, its outcome unknown.
BEGIN = """
    WITH mine AS (
        SELECT row_id, workspace_id, give_up_at FROM work
        WHERE job = %(job)s AND row_id = %(row_id)s AND generation = %(generation)s AND lease_owner = %(owner)s FOR UPDATE
    ), found AS (
        SELECT m.*, c.credentials, c.state, c.error AS refusal, mine.give_up_at,
               CASE WHEN c.held_until > %(now)s THEN c.held_until END AS held_until,
               (SELECT count(*) FROM message_attempts a
                WHERE a.message_id = m.id AND a.at >= mine.give_up_at - interval '60 minutes') AS tries
        FROM mine JOIN messages m ON m.id = mine.row_id
             LEFT JOIN channels c ON c.workspace_id = m.workspace_id AND c.type = m.channel_type
    ), clear AS (
        SELECT id FROM found WHERE state = 'ACTIVE' AND held_until IS NULL AND coalesce(give_up_at > %(now)s, true)
    ), hour AS (
        UPDATE work SET give_up_at = %(give_up_at)s FROM clear
        WHERE job = %(job)s AND row_id = clear.id AND work.give_up_at IS NULL
    ), attempt AS (
        INSERT INTO message_attempts (id, message_id, at, outcome) SELECT %(attempt)s, id, %(now)s, 'unknown' FROM clear
    )
    SELECT * FROM found
"""
PART_SENT = """
    UPDATE messages SET provider_ids = %(ids)s, updated_at = %(now)s FROM work
    WHERE id = work.row_id AND job = %(job)s AND row_id = %(row_id)s AND generation = %(generation)s
          AND lease_owner = %(owner)s
    RETURNING id
"""
SENT = f""",
    cause AS (
        UPDATE messages SET status = 'SENT', error = NULL, provider_ids = %(ids)s, updated_at = %(now)s
        FROM mine WHERE id = mine.row_id RETURNING id, workspace_id, (created_at AT TIME ZONE 'UTC')::date AS day
    ), late AS (
        INSERT INTO late_rows (day) SELECT day FROM cause WHERE day < (%(now)s AT TIME ZONE 'UTC')::date
    ), attempt AS (
        UPDATE message_attempts SET outcome = 'sent', http_status = %(http_status)s FROM mine WHERE id = %(attempt)s
    ), {events.EMIT}
    SELECT cause.id FROM cause LEFT JOIN woken ON true
"""  # noqa: S608 a constant
ENDED = text(
    "UPDATE message_attempts SET outcome = :outcome, http_status = :http_status, error = :error WHERE id = :id"
)


@dataclass
class _Try:
    """A try under way: what is known of it when it ends, however it ends."""

    id: str
    lease: Lease
    workspace_id: str
    channel_type: str
    customer_id: str
    content: str
    credentials: bytes
    tries: int
    provider_ids: list[str]
    http_status: int | None = field(default=None)

    @property
    def channel(self) -> Channel:
        return CHANNELS[self.channel_type]


def send(lease: Lease, deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Send what of the message is still missing; then it is SENT.

    Raises PermanentError and TemporaryError with a sentence for a person, NotYet while the vendor wants to be left alone,
    LeaseLost. Where an answer was lost the outcome stays unknown: it is sent again, because losing is worse, with the
    vendor's idempotency key where it has one.
    """
    ends = time.monotonic() + deadline_seconds
    this = _begin(lease)
    try:
        _send_parts(this, ends)
    except (LeaseLost, NotYet):
        raise
    except Exception as error:
        patiently(partial(_note_failure, this, error), ends - time.monotonic())
        raise
    data = json.dumps({"messageId": lease.row_id})
    told = dict(ids=this.provider_ids, http_status=this.http_status, attempt=this.id, event="message_sent", data=data)
    lease.finish_by(SENT, **told)


def _begin(lease: Lease) -> _Try:
    attempt, now = new_id("try"), clock.now()
    rows = statement(BEGIN, **lease.named(), attempt=attempt, now=now, give_up_at=now + GIVE_UP)
    if not rows:
        raise LeaseLost(lease.row_id)
    row = rows[0]
    if row.state is None:
        raise PermanentError(GONE)
    if row.state != "ACTIVE":
        raise PermanentError(row.refusal)
    late = row.give_up_at is not None and row.give_up_at <= (row.held_until or now)
    if late:
        raise PermanentError(TOO_LATE)
    if row.held_until is not None and accounts.too_long(row.held_until):
        raise PermanentError(HELD_TOO_LONG)
    if row.held_until is not None:
        raise NotYet(row.held_until)
    return _Try(
        attempt, lease, row.workspace_id, row.channel_type, row.customer_id, row.content, bytes(row.credentials), row.tries,
        list(row.provider_ids),
    )  # fmt: skip


def _send_parts(this: _Try, ends: float) -> None:
    credentials = sealing.unseal(accounts.place(this.workspace_id, this.channel_type), this.credentials)
    pieces, first = split(this.content, this.channel.limit), len(this.provider_ids)
    for number in range(first, len(pieces)):
        if number > first and ends - time.monotonic() < PART_SECONDS:
            _put_down(this, f"Parts 1 to {number} of {len(pieces)} are sent; the others follow.")
        key = f"{this.lease.row_id}/{number + 1}"
        part = Part(this.customer_id, pieces[number], key, this.tries)
        this.provider_ids.append(_post(this, credentials, part, ends))
        if number + 1 < len(pieces):
            _part_sent(this)


def _part_sent(this: _Try) -> None:
    if not patiently(lambda: statement(PART_SENT, **this.lease.named(), ids=this.provider_ids, now=clock.now())):
        raise LeaseLost(this.lease.row_id)


def _put_down(this: _Try, sentence: str) -> None:
    """So far it went well: whoever takes it up next goes on. Raises NotYet: no attempt is used."""
    with transaction() as session:
        session.execute(ENDED, dict(id=this.id, outcome="sent", http_status=this.http_status, error=sentence))
    raise NotYet(clock.now())


def _post(this: _Try, credentials: dict[str, str], part: Part, ends: float) -> str:
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


def _note_failure(this: _Try, error: Exception) -> None:
    """How this try ended, and what it means for the whole account."""
    known = isinstance(error, NightshiftError) and not (isinstance(error, TemporaryError) and error.answer_lost)
    sentence = str(error) if isinstance(error, NightshiftError) else UNEXPECTED
    with transaction() as session:
        outcome = "failed" if known else "unknown"
        session.execute(ENDED, dict(id=this.id, outcome=outcome, http_status=this.http_status, error=sentence))
    with transaction() as session:
        if isinstance(error, BadCredential):
            accounts.refuse(session, this.workspace_id, this.channel_type, this.credentials, sentence)
        if isinstance(error, TemporaryError) and error.retry_after_seconds and error.scope == "account":
            seconds = wait_seconds(error.retry_after_seconds)
            accounts.hold(session, this.workspace_id, this.channel_type, this.credentials, seconds)
