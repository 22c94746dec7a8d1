"""The SQL of the daily figures, used by the roll-up (all workspaces) and by reads (one workspace)."""

from datetime import date, timedelta
from typing import Any

from nightshift.clock import start_of

COLUMNS = (
    "conversations", "messages_in", "messages_out", "messages_failed", "handoffs", "credits_used", "docs_ready"
)  # fmt: skip

# Each event counts on its own day (UTC). Messages are grouped by conversation first, so that each counts once a day.
TALK = """
    SELECT workspace_id, day, count(*) AS conversations, sum(n_in) AS messages_in, sum(n_out) AS messages_out,
           sum(n_failed) AS messages_failed, 0 AS handoffs
    FROM (
        SELECT workspace_id, day, sum(n_in) AS n_in, sum(n_out) AS n_out, sum(n_failed) AS n_failed
        FROM (
            SELECT workspace_id, agent_id, channel_type, customer_id, (at AT TIME ZONE 'UTC')::date AS day,
                   1 AS n_in, 0 AS n_out, 0 AS n_failed
            FROM {inbound}
            UNION ALL
            SELECT workspace_id, agent_id, channel_type, customer_id, (created_at AT TIME ZONE 'UTC')::date,
                   0, (status = 'SENT')::int, (status = 'FAILED')::int
            FROM {messages}
        ) AS message
        GROUP BY workspace_id, day, agent_id, channel_type, customer_id
    ) AS conversation
    GROUP BY workspace_id, day
    UNION ALL
    SELECT workspace_id, (created_at AT TIME ZONE 'UTC')::date AS day, 0, 0, 0, 0, count(*)
    FROM {handoffs} GROUP BY workspace_id, day
"""
COUNT = """
    SELECT workspace_id, day, sum(conversations) AS conversations, sum(messages_in) AS messages_in,
           sum(messages_out) AS messages_out, sum(messages_failed) AS messages_failed, sum(handoffs) AS handoffs,
           sum(credits_used) AS credits_used, sum(docs_ready) AS docs_ready
    FROM (
        SELECT talk.*, 0 AS credits_used, 0 AS docs_ready FROM ({talk}) AS talk
        UNION ALL
        SELECT workspace_id, day, conversations, messages_in, messages_out, messages_failed, handoffs, 0, 0
        FROM deleted_counts WHERE {day}
        UNION ALL
        SELECT workspace_id, (created_at AT TIME ZONE 'UTC')::date AS day, 0, 0, 0, 0, 0, -sum(amount), 0
        FROM ledger WHERE kind = 'usage' AND {created_at} GROUP BY workspace_id, day
        UNION ALL
        SELECT workspace_id, (first_ready_at AT TIME ZONE 'UTC')::date AS day, 0, 0, 0, 0, 0, 0, count(*)
        FROM documents WHERE {first_ready_at} GROUP BY workspace_id, day
    ) AS part
    GROUP BY workspace_id, day
"""


def fresh(scope: str = "") -> str:
    """The SQL for [:from, :to), with the further condition `scope`."""
    day = "(CAST({} AS timestamptz) AT TIME ZONE 'UTC')::date"
    within = {name: f"{name} >= :from AND {name} < :to{scope}" for name in ("at", "created_at", "first_ready_at")}
    within["day"] = f"day >= {day.format(':from')} AND day < {day.format(':to')}{scope}"
    tables = dict(
        inbound="inbound_messages WHERE {at}",
        messages="messages WHERE {created_at}",
        handoffs="handoffs WHERE {created_at}",
    )
    return COUNT.format(talk=TALK.format(**tables), **within).format(**within)


def bounds(first: date, last: date) -> dict[str, Any]:
    """Its parameters for the days from `first` to `last`, both included."""
    return {"from": start_of(first), "to": start_of(last + timedelta(days=1))}
