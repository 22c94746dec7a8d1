"""Deletes what customers wrote and what was written to them, and keeps the counts.

The rows that a statement deletes are added to `deleted_counts`, which every later count includes: a day's figures stay what
they were, whether it was rolled up before or not.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from nightshift import clock
from nightshift.analytics.counts import TALK
from nightshift.analytics.rollup import DAY
from nightshift.clock import start_of
from nightshift.settings import settings

# Outbox rows are locked first, as every run does it.
LOCK = """
    SELECT count(*) FROM (
        SELECT job FROM outbox
        WHERE job = ANY(:jobs) AND row_id IN (
            SELECT id FROM messages WHERE {messages} UNION ALL SELECT id FROM emails WHERE {emails_before})
        ORDER BY job, row_id FOR UPDATE
    ) AS locked
"""
DELETE = """
    WITH gone_messages AS (
        DELETE FROM messages WHERE {messages} RETURNING *
    ), gone_inbound AS (
        DELETE FROM inbound_messages WHERE {inbound} RETURNING *
    ), gone_handoffs AS (
        DELETE FROM handoffs WHERE {handoffs} RETURNING *
    ), gone_emails AS (
        DELETE FROM emails WHERE {emails} RETURNING id
    ), kept AS (
        INSERT INTO deleted_counts AS d
            (workspace_id, day, conversations, messages_in, messages_out, messages_failed, handoffs)
        SELECT workspace_id, day, sum(conversations), sum(messages_in), sum(messages_out), sum(messages_failed), sum(handoffs)
        FROM ({talk}) AS talk GROUP BY workspace_id, day
        ON CONFLICT (day, workspace_id) DO UPDATE SET
            conversations = d.conversations + excluded.conversations, messages_in = d.messages_in + excluded.messages_in,
            messages_out = d.messages_out + excluded.messages_out, handoffs = d.handoffs + excluded.handoffs,
            messages_failed = d.messages_failed + excluded.messages_failed
    ), gone_rows AS (
        DELETE FROM outbox WHERE job = ANY(:jobs) AND row_id IN (
            SELECT id FROM gone_messages UNION ALL SELECT id FROM gone_emails)
        RETURNING job, row_id, generation, state, updated_at
    ){more}
    SELECT (SELECT count(*) FROM gone_messages) AS messages, (SELECT count(*) FROM gone_inbound) AS inbound,
           (SELECT count(*) FROM gone_handoffs) AS handoffs, (SELECT count(*) FROM gone_emails) AS emails,
           (SELECT jsonb_agg(jsonb_build_array(job, row_id, generation)) FROM gone_rows
            WHERE state IN ('dispatched', 'running') OR updated_at > statement_timestamp() - interval '1 hour') AS jobs
"""
TOLD = """,
    told AS (
        DELETE FROM events WHERE workspace_id = :workspace AND data ->> 'messageId' IN (SELECT id FROM gone_messages)
    ), answered AS (
        UPDATE idempotency_keys SET answer = NULL WHERE scope = :workspace AND row_id IN (
            SELECT id FROM gone_messages UNION ALL SELECT id FROM gone_inbound UNION ALL SELECT id FROM gone_handoffs)
    )
"""
THIS_CUSTOMER = "workspace_id = :workspace AND channel_type = :type AND customer_id = :customer"
THEIR_HANDOFFS = "workspace_id = :workspace AND key IN (SELECT 'handoff/' || id FROM {handoffs})"
OLDEST = """
    SELECT least((SELECT min(created_at) FROM messages), (SELECT min(at) FROM inbound_messages),
                 (SELECT min(created_at) FROM handoffs), (SELECT min(created_at) FROM emails))
"""


def forget_customer(
    session: Session, jobs: Sequence[str], workspace_id: str, channel_type: str, customer_id: str
) -> Row[Any]:
    """Delete a customer's messages, inbound messages and handoffs with their mail, events and kept answers.

    `jobs`: the jobs whose outbox rows may be theirs; what waits there is not sent any more. Returns how many of each,
    and as `jobs` the (job, row id, generation) that Redis has: what ended just now may not be on RQ's lists yet.
    """
    values = dict(jobs=list(jobs), workspace=workspace_id, type=channel_type, customer=customer_id)
    before = THEIR_HANDOFFS.format(handoffs=f"handoffs WHERE {THIS_CUSTOMER}")
    where = dict.fromkeys(("messages", "inbound", "handoffs"), THIS_CUSTOMER)
    where |= dict(emails=THEIR_HANDOFFS.format(handoffs="gone_handoffs"), emails_before=before, more=TOLD)
    return _delete(session, values, where)


def forget_oldest_day(session: Session, jobs: Sequence[str], before: date) -> Row[Any] | None:
    """Delete the oldest day of messages, inbound messages, handoffs and mail; None where none is older than `before`."""
    oldest: datetime | None = session.scalar(text(OLDEST))
    if oldest is None or oldest >= start_of(before):
        return None
    day = oldest.astimezone(UTC).date()
    values = dict(jobs=list(jobs), start=start_of(day), end=start_of(day + timedelta(days=1)))
    created, at = (f"{moment} >= :start AND {moment} < :end" for moment in ("created_at", "at"))
    by_age = dict.fromkeys(("messages", "handoffs", "emails", "emails_before"), created)
    return _delete(session, values, by_age | dict(inbound=at, more=""))


def first_kept(moment: datetime) -> str:
    """The first day (UTC) that RETENTION_DAYS keeps at `moment`, as 2026-11-24."""
    return f"{moment.astimezone(UTC).date() - timedelta(days=settings().retention_days or 0)}"


def check_day(day: str) -> None:
    """Raises ValueError for a day that RETENTION_DAYS keeps, and for anything but a day."""
    if settings().retention_days is None:
        raise ValueError("RETENTION_DAYS is not set: everything is kept")
    if not DAY.fullmatch(day) or day > first_kept(clock.now()):
        raise ValueError(f"day: must be {first_kept(clock.now())} or before, not {day[:40]!r}")
    date.fromisoformat(day)


def _delete(session: Session, values: dict[str, Any], where: dict[str, str]) -> Row[Any]:
    session.execute(text(LOCK.format(**where)), values)
    talk = TALK.format(inbound="gone_inbound", messages="gone_messages", handoffs="gone_handoffs")
    return session.execute(text(DELETE.format(talk=talk, **where)), values).one()
