"""One attempt to send a message: recorded before the call, each part as it goes, and its success.

How a failed one is recorded stands in `messages.failed`, in the transaction that settles the row.
"""

import json
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from nightshift import clock, events
from nightshift.channels import CHANNELS, delivery
from nightshift.channels.accounts import REMOVED
from nightshift.channels.base import Channel
from nightshift.channels.messages import HELD_TOO_LONG, MAX_HOLD_SECONDS
from nightshift.channels.phone import OTHER_FORM
from nightshift.channels.whatsapp import WINDOW_24
from nightshift.db.session import statement
from nightshift.errors import LeaseLost, PermanentError, Snooze
from nightshift.outbox import Lease
from nightshift.outbox.statements import DIRECT, MINE

MAX_MINUTES = 60  # from the first attempt to the last one
MAX_WEBHOOKS = 2  # attempts of one workspace in workers at once: addresses that hang must not hold the whole queue
DELETED = "This message no longer exists."
TOO_LATE = "The message could not be sent within an hour of the first attempt."

# WhatsApp's window is known where the workspace records what customers write there; elsewhere WhatsApp decides.
# Under the lease: what is to be sent, and through which account. Where it may go now, this attempt is recorded, its outcome
# unknown.
BEGIN = f"""
    WITH mine AS (
        SELECT row_id, generation, give_up_at, updated_at FROM outbox WHERE {MINE} FOR UPDATE
    ), found AS (
        SELECT m.id, m.workspace_id, m.channel_type, m.customer_id, m.content, m.provider_ids, mine.generation,
               c.credentials, c.version, c.state, c.error AS refusal, c.held_until, c.hook_id,
               EXISTS (SELECT FROM deliveries d WHERE d.message_id = m.id AND NOT d.applied) AS reported,
               extract(epoch FROM c.held_until - statement_timestamp())::float8 AS held_for,
               m.channel_type = 'WHATSAPP' AND NOT EXISTS (
                   SELECT FROM inbound_messages i WHERE i.workspace_id = m.workspace_id AND i.channel_type = m.channel_type
                   AND i.customer_id IN (m.customer_id, {OTHER_FORM.format("m.customer_id")})
                   AND i.at > statement_timestamp() - interval '24 hours'
               ) AND EXISTS (
                   SELECT FROM inbound_messages i WHERE i.workspace_id = m.workspace_id AND i.channel_type = m.channel_type
                   AND i.at > statement_timestamp() - interval '7 days'
               ) AS window_closed,
               m.channel_type = 'WEBHOOK' AND (
                   SELECT count(*) FROM outbox o WHERE o.job = %(job)s AND o.workspace_id = m.workspace_id
                   AND o.state = 'running' AND starts_with(o.lane, 'WEBHOOK/') AND o.lease_owner NOT LIKE '{DIRECT}%%'
                   AND (o.updated_at, o.row_id) < (mine.updated_at, mine.row_id)
               ) >= {MAX_WEBHOOKS} AS crowded,
               mine.give_up_at <= greatest(statement_timestamp(), c.held_until) AS too_late,
               (SELECT count(*) FROM message_attempts a WHERE a.message_id = m.id
                AND a.at >= mine.give_up_at - interval '{MAX_MINUTES} minutes') AS attempts
        FROM mine JOIN messages m ON m.id = mine.row_id
             LEFT JOIN channels c ON c.workspace_id = m.workspace_id AND c.type = m.channel_type
    ), clear AS (
        SELECT id, generation, version FROM found
        WHERE NOT reported AND state = 'ACTIVE' AND NOT window_closed AND NOT crowded AND coalesce(held_for <= 0, true)
              AND coalesce(NOT too_late, true)
    ), hour AS (
        UPDATE outbox SET give_up_at = statement_timestamp() + interval '{MAX_MINUTES} minutes'
        WHERE job = %(job)s AND row_id = (SELECT id FROM clear) AND give_up_at IS NULL
    ), attempt AS (
        INSERT INTO message_attempts (message_id, generation, at, credentials_version, outcome)
        SELECT id, generation, statement_timestamp(), version, 'unknown' FROM clear
    )
    SELECT workspace_id, channel_type, customer_id, content, provider_ids, credentials, state, refusal, held_until, held_for,
           too_late, window_closed, crowded, attempts, hook_id, reported
    FROM found
"""  # noqa: S608 constants
# A copy of a part is at the vendor. Its report may have come before.
TRACKED = """
    tracked AS (
        INSERT INTO deliveries AS d (workspace_id, channel_type, provider_id, message_id, part, generation, state, at,
                                     applied, created_at)
        SELECT workspace_id, %(channel)s, %(provider_id)s, id, %(part)s::int, %(generation)s, 'accepted',
               %(now)s::timestamptz, true, clock_timestamp()
        FROM cause WHERE %(provider_id)s::text <> ''
        ON CONFLICT (workspace_id, channel_type, provider_id) DO UPDATE
        SET message_id = coalesce(d.message_id, excluded.message_id), part = coalesce(d.part, excluded.part),
            generation = coalesce(d.generation, excluded.generation)
    )
"""
PART_SENT = f"""
    WITH cause AS (
        UPDATE messages SET provider_ids = %(ids)s::text[], updated_at = %(now)s::timestamptz
        WHERE id = (SELECT row_id FROM outbox WHERE {MINE} FOR UPDATE) RETURNING id, workspace_id
    ) {{tracked}} SELECT id FROM cause
"""  # noqa: S608 constants
OTHERS_FOLLOW = f"""
    UPDATE message_attempts SET outcome = 'sent', http_status = %(http_status)s, error = %(error)s
    WHERE message_id = (SELECT row_id FROM outbox WHERE {MINE} FOR UPDATE) AND generation = %(generation)s
    RETURNING message_id
"""  # noqa: S608 constants
SENT = f""",
    cause AS (
        UPDATE messages SET status = 'SENT', error = NULL, provider_ids = %(ids)s::text[], updated_at = %(now)s::timestamptz,
               delivery_state = 'accepted', delivery_at = %(now)s::timestamptz
        FROM mine WHERE id = mine.row_id RETURNING id, workspace_id, (created_at AT TIME ZONE 'UTC')::date AS day
    ), dirty AS (
        INSERT INTO dirty_days (day) SELECT day FROM cause WHERE day < (%(now)s::timestamptz AT TIME ZONE 'UTC')::date
    ), attempt AS (
        UPDATE message_attempts SET outcome = 'sent', http_status = %(http_status)s
        FROM mine WHERE message_id = mine.row_id AND generation = %(generation)s
    ), {events.EMIT} {{tracked}}
    SELECT id FROM cause
"""  # noqa: S608 constants


def _both(sql: str) -> dict[bool, str]:
    """The statement without and with what tracks a copy."""
    return {False: sql.format(tracked=""), True: sql.format(tracked=f", {TRACKED}")}


_PART_SENT, _SENT = _both(PART_SENT), _both(SENT)


@dataclass
class Attempt:
    """An attempt under way."""

    lease: Lease
    workspace_id: str
    channel_type: str
    customer_id: str
    content: str
    credentials: bytes
    attempts: int
    provider_ids: list[str | None]
    hook_id: str
    http_status: int | None = None
    latest: tuple[int, str] = (0, "")  # the part that was sent last, and the vendor's id of it
    begun: float = field(default_factory=time.monotonic)

    @property
    def channel(self) -> Channel:
        return CHANNELS[self.channel_type]

    def missing(self, parts: int) -> list[int]:
        """Which of so many parts are to be sent, the first is 0."""
        return [n for n in range(parts) if n >= len(self.provider_ids) or self.provider_ids[n] is None]

    def took(self, number: int, provider_id: str) -> None:
        """The vendor has this part, which is none of those before the first that is missing."""
        self.provider_ids[number : number + 1] = [provider_id]
        self.latest = (number + 1, provider_id)

    def part_sent(self) -> None:
        """Record a part that is not the last one. Raises LeaseLost."""
        self._record(_PART_SENT[self.channel.reports], **self._taken())

    def snooze(self, sentence: str) -> None:
        """It went well so far: the next run goes on from here. Raises Snooze: no attempt is used."""
        self._record(OTHERS_FOLLOW, http_status=self.http_status, error=sentence)
        raise Snooze(None)

    def succeeded(self) -> None:
        """The message is SENT. Raises LeaseLost."""
        self.lease.finish_by(
            _SENT[self.channel.reports], http_status=self.http_status, event="message_sent",
            data=json.dumps({"messageId": self.lease.row_id}), **self._taken(),
        )  # fmt: skip

    def _taken(self) -> dict[str, Any]:
        part, provider_id = self.latest
        values: dict[str, Any] = dict(ids=self.provider_ids, now=clock.now())
        return values | (
            dict(channel=self.channel_type, part=part, provider_id=provider_id) if self.channel.reports else {}
        )

    def _record(self, sql: str, **values: Any) -> None:
        values |= self.lease.named()
        if not self.lease.write(lambda: statement(sql, **values)):
            raise LeaseLost(self.lease.row_id)


def begin(lease: Lease) -> Attempt | None:
    """Record an attempt; None where reports say that the vendor has all of the message: then it is SENT.

    Raises PermanentError and Snooze with what stands against it, and the error that a report of failure means.
    """
    while (row := _found(lease)).reported:
        delivery.settle_run(lease)
        if lease.settled:
            return None
    if row.state is None or row.credentials is None:
        raise PermanentError(REMOVED)
    if row.state != "ACTIVE":
        raise PermanentError(row.refusal)
    if row.window_closed:
        raise PermanentError(WINDOW_24)
    if row.too_late:
        raise PermanentError(TOO_LATE)
    if row.held_for is not None and row.held_for > MAX_HOLD_SECONDS:
        raise PermanentError(HELD_TOO_LONG)
    if row.held_for is not None and row.held_for > 0:
        raise Snooze(row.held_until)
    if row.crowded:
        raise Snooze(clock.now() + timedelta(seconds=1))
    return Attempt(
        lease, row.workspace_id, row.channel_type, row.customer_id, row.content, bytes(row.credentials), row.attempts,
        list(row.provider_ids), row.hook_id,
    )  # fmt: skip


def _found(lease: Lease) -> Any:
    rows = statement(BEGIN, **lease.named())
    if not rows:  # it was deleted; or the lease is gone, which settling the row finds out
        raise PermanentError(DELETED)
    return rows[0]
