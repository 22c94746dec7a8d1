"""Takes in what vendors report: stored first, each copy once and at its furthest, then shown by its message."""

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from nightshift.channels import delivery
from nightshift.channels.accounts import JOB
from nightshift.channels.delivery import RANKS
from nightshift.channels.report import Report, Watermark
from nightshift.db.session import DISCONNECTED, statement, transaction
from nightshift.logs import log, where

KEY = re.compile(r"(msg_[0-9a-f]+)/([0-9]{1,6})/([0-9]{1,9})", re.ASCII)  # `report_key` of a part
MAX_AT_ONCE = 100  # messages settled before the vendor is answered; the scheduler finds the others
UNKNOWN_KEPT = "1 day"  # of what nobody here sent

RANK = f"array_position(ARRAY{list(RANKS)}, {{}})"
FURTHER = f"{RANK.format('excluded.state')} > {RANK.format('d.state')}"
# A copy is known by the vendor's id, and, from the first that knows it on, by the part that it is a copy of.
STORE = f"""
    INSERT INTO deliveries AS d (workspace_id, channel_type, provider_id, message_id, part, generation, state, at, error_kind,
                                 error, applied, created_at)
    SELECT %(workspace)s, %(channel)s, r.provider_id, m.id, CASE WHEN m.id IS NOT NULL THEN r.part END,
           CASE WHEN m.id IS NOT NULL THEN r.generation END, r.state, r.at, r.error_kind, r.error, false, clock_timestamp()
    FROM jsonb_to_recordset(%(reports)s::jsonb) AS r (provider_id text, message_id text, part integer, generation integer,
                                                      state text, at timestamptz, error_kind text, error text)
         LEFT JOIN messages m ON m.id = r.message_id AND m.workspace_id = %(workspace)s AND m.channel_type = %(channel)s
    ORDER BY r.provider_id
    ON CONFLICT (workspace_id, channel_type, provider_id) DO UPDATE SET
        message_id = coalesce(d.message_id, excluded.message_id), part = coalesce(d.part, excluded.part),
        generation = coalesce(d.generation, excluded.generation), applied = false,
        {", ".join(f"{c} = CASE WHEN {FURTHER} THEN excluded.{c} ELSE d.{c} END" for c in ("at", "error_kind", "error", "state"))}
    WHERE {FURTHER} OR d.message_id IS NULL AND excluded.message_id IS NOT NULL
    RETURNING message_id
"""  # noqa: S608 constants
# The moment counts from the vendor's clock, and ours says when the attempt began, which was before that.
PASSED = f"""
    WITH passed AS (
        SELECT d.workspace_id, d.channel_type, d.provider_id
        FROM messages m JOIN deliveries d ON d.message_id = m.id
             JOIN message_attempts a ON a.message_id = m.id AND a.generation = d.generation
        WHERE m.workspace_id = %(workspace)s AND m.channel_type = %(channel)s AND m.customer_id = %(customer)s
              AND m.created_at > %(until)s::timestamptz - interval '7 days' AND a.at <= %(until)s::timestamptz
              AND d.state <> 'failed' AND {RANK.format("d.state")} < {RANK.format("%(state)s::text")}
        ORDER BY d.provider_id FOR UPDATE OF d
    )
    UPDATE deliveries d SET state = %(state)s, at = %(until)s, applied = false FROM passed
    WHERE d.workspace_id = passed.workspace_id AND d.channel_type = passed.channel_type
          AND d.provider_id = passed.provider_id
    RETURNING d.message_id
"""  # noqa: S608 constants
# Reported while the message was being sent, or before its acceptance was written; or the worker that was to settle it died.
LEFT = """
    SELECT DISTINCT d.message_id FROM deliveries d JOIN outbox o ON o.job = %(job)s AND o.row_id = d.message_id
    WHERE NOT d.applied AND d.message_id IS NOT NULL AND o.state IN ('done', 'failed') LIMIT 1000
"""
OF_MESSAGE = "SELECT 1 FROM deliveries WHERE message_id = %(message)s AND NOT applied LIMIT 1"
PRUNE = (
    f"DELETE FROM deliveries WHERE message_id IS NULL AND created_at < clock_timestamp() - interval '{UNKNOWN_KEPT}'"  # noqa: S608
)


def take(workspace_id: str, channel_type: str, found: Iterable[Report | Watermark]) -> None:
    """Store what a vendor reports of this account, and settle the messages that it is about."""
    copies: dict[str, Report] = {}
    place: dict[str, Any] = dict(workspace=workspace_id, channel=channel_type)
    changed: list[Any] = []
    for said in found:
        if isinstance(said, Watermark):
            changed += statement(PASSED, customer=said.customer_id, state=said.state, until=said.until, **place)
        elif said.provider_id and said.state:
            before = copies.get(said.provider_id, said)
            further = max(before, said, key=lambda report: RANKS.index(report.state))
            copies[said.provider_id] = replace(further, key=before.key or said.key)
    if copies:
        changed += statement(STORE, reports=json.dumps([_row(report) for report in copies.values()]), **place)
    for message_id in list(dict.fromkeys(row.message_id for row in changed if row.message_id))[:MAX_AT_ONCE]:
        _settle(message_id)


def settle_left() -> None:
    """Settle what was reported and is not shown yet, and forget what was reported of messages that nobody here sent."""
    for row in statement(LEFT, job=JOB):
        try:
            _settle(row.message_id)
        except DISCONNECTED:
            raise
        except Exception as error:  # no other message waits for this one
            log("report not settled", logging.ERROR, message=row.message_id, error=where(error))
    statement(PRUNE, durable=False)


def settle_message(message_id: str) -> None:
    """Settle what came while this message was being sent."""
    if statement(OF_MESSAGE, message=message_id):
        _settle(message_id)


def _settle(message_id: str) -> None:
    with transaction() as session:
        delivery.settle(session, message_id)


def _row(report: Report) -> dict[str, object]:
    key = KEY.fullmatch(report.key)
    message_id, part, generation = key.groups() if key else (None, None, None)
    error = report.error and type(report.error).__name__
    return dict(
        provider_id=report.provider_id, message_id=message_id, part=part, generation=generation, state=report.state,
        at=report.at.isoformat(), error_kind=error, error=report.error and str(report.error),
    )  # fmt: skip
