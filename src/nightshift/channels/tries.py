"""One try to send a message, as its rows have it: begun before the call, each part as it goes, how it ended."""

import json
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from nightshift import clock, events
from nightshift.channels import CHANNELS, accounts
from nightshift.channels.base import Channel
from nightshift.channels.messages import HELD_TOO_LONG
from nightshift.db.session import patiently, statement, transaction
from nightshift.errors import BadCredential, LeaseLost, NightshiftError, NotYet, PermanentError, TemporaryError
from nightshift.ids import new_id
from nightshift.judging import UNEXPECTED, wait_seconds
from nightshift.work import Lease

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
class Try:
    """A try under way: what is known of it when it ends, however it ends.

    While Postgres is away, what is to be written is tried again until `write_until` (monotonic seconds).
    """

    id: str
    lease: Lease
    workspace_id: str
    channel_type: str
    customer_id: str
    content: str
    credentials: bytes
    tries: int
    provider_ids: list[str]
    write_until: float
    http_status: int | None = None

    @property
    def channel(self) -> Channel:
        return CHANNELS[self.channel_type]

    def part_sent(self) -> None:
        """One that is not the last. Raises LeaseLost."""
        told = self.lease.named() | dict(ids=self.provider_ids, now=clock.now())
        if not patiently(lambda: statement(PART_SENT, **told), self.write_until):
            raise LeaseLost(self.lease.row_id)

    def put_down(self, sentence: str) -> None:
        """So far it went well: whoever takes it up next goes on. Raises NotYet: no attempt is used."""
        patiently(lambda: self._ended("sent", sentence), self.write_until)
        raise NotYet(clock.now())

    def succeeded(self) -> None:
        """The message is SENT. Raises LeaseLost."""
        told = dict(ids=self.provider_ids, http_status=self.http_status, attempt=self.id, event="message_sent")
        self.lease.finish_by(SENT, self.write_until, data=json.dumps({"messageId": self.lease.row_id}), **told)

    def failed(self, error: Exception) -> None:
        """How it ended, and what that means for the whole account."""
        known = isinstance(error, NightshiftError) and not (isinstance(error, TemporaryError) and error.answer_lost)
        sentence = str(error) if isinstance(error, NightshiftError) else UNEXPECTED
        patiently(lambda: self._ended("failed" if known else "unknown", sentence, error), self.write_until)

    def _ended(self, outcome: str, sentence: str, error: Exception | None = None) -> None:
        account = (self.workspace_id, self.channel_type, self.credentials)
        with transaction() as session:
            session.execute(ENDED, dict(id=self.id, outcome=outcome, http_status=self.http_status, error=sentence))
            if isinstance(error, BadCredential):
                accounts.refuse(session, *account, sentence)
            if isinstance(error, TemporaryError) and error.retry_after_seconds and error.scope == "account":
                until = error.at + timedelta(seconds=wait_seconds(error.retry_after_seconds))
                accounts.hold(session, *account, until)


def begin(lease: Lease, write_until: float) -> Try:
    """Raises PermanentError and NotYet with what stands against it, LeaseLost."""
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
    return Try(
        attempt, lease, row.workspace_id, row.channel_type, row.customer_id, row.content, bytes(row.credentials), row.tries,
        list(row.provider_ids), write_until,
    )  # fmt: skip
