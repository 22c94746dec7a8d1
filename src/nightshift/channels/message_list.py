"""An agent's messages as a page, found by filters. Each filter begins where an index has few rows: with what is failed or open,
a customer's messages, a span of time. A text alone is looked for from the newest message on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import psycopg2
from sqlalchemy.orm import Session

from nightshift.channels import CHANNELS
from nightshift.channels.accounts import JOB
from nightshift.db import like
from nightshift.db.models import Message
from nightshift.db.session import execute
from nightshift.ids import earliest_id
from nightshift.outbox.retries import SCHEDULED
from nightshift.outbox.statements import UNFINISHED, paused

STATUSES = ("SENDING", "RETRYING", "SENT", "FAILED")
ID_LAG_SECONDS = 60  # between a message's id and its time, which is read after it has waited for its lane

COLUMNS = ", ".join(f"m.{column.name}" for column in Message.__table__.columns if column.name != "status")
# Of what is found: the message; its status (SENDING while an attempt runs, RETRYING also where a retry of many has its turn
# later), when it can go (not before the head of its lane; nobody knows while it is paused), its attempts. One statement for all
# of it: between two statements an attempt may begin or end.
SHOWN = f"""
    SELECT {COLUMNS}, status, CASE WHEN status = 'RETRYING' THEN next_attempt_at END AS next_attempt_at,
           (SELECT coalesce(jsonb_agg(to_jsonb(a) ORDER BY a.generation), '[]') FROM message_attempts a
            WHERE a.message_id = m.id) AS attempts
    FROM (
        SELECT {COLUMNS}, CASE WHEN m.status = 'FAILED' AND r.at IS NOT NULL THEN 'RETRYING'
                          WHEN m.status = 'RETRYING' AND o.state = 'running' THEN 'SENDING' ELSE m.status END AS status,
               CASE WHEN NOT {paused("o")} THEN greatest(r.at, o.due_at, (
                   SELECT head.due_at FROM outbox head
                   WHERE head.job = o.job AND head.workspace_id = o.workspace_id AND head.lane = o.lane
                         AND head.{UNFINISHED} ORDER BY head.lane_seq LIMIT 1)) END AS next_attempt_at
        FROM ({{found}}) AS found JOIN messages m ON m.id = found.id
             LEFT JOIN outbox o ON o.job = '{JOB}' AND o.row_id = m.id LEFT JOIN retries r ON {SCHEDULED}) AS m
    ORDER BY m.id DESC
"""  # noqa: S608 constants
# `ahead`: how many bytes the contents of the rows before it have. They are not read for that.
PAGE = """
    SELECT id FROM (
        SELECT id, sum(size) OVER (ORDER BY id DESC) - size AS ahead FROM (
            SELECT m.id, octet_length(m.content) AS size FROM {source} WHERE {rows} ORDER BY m.id DESC LIMIT :limit) AS matching
    ) AS page WHERE ahead < :max_bytes
"""
MESSAGES = "messages m"
ROWS = f"outbox o JOIN messages m ON m.id = o.row_id LEFT JOIN retries r ON {SCHEDULED}"
MINE = "o.job = :job AND o.workspace_id = :workspace AND"
OPEN = f"o.lane IS NOT NULL AND o.{UNFINISHED}"
SOURCES = {  # of each status, and where an error is looked for
    "SENDING": (ROWS, f"{MINE} o.state = 'running' AND m.status = 'RETRYING'"),
    "RETRYING": (ROWS, f"{MINE} ({OPEN} AND o.state <> 'running' AND m.status = 'RETRYING' OR r.at IS NOT NULL)"),
    "SENT": (MESSAGES, "m.status = 'SENT'"),
    "FAILED": (ROWS, f"{MINE} o.state = 'failed' AND r.at IS NULL AND m.status = 'FAILED'"),
    "error": (ROWS, f"{MINE} (o.state = 'failed' OR {OPEN})"),
    None: (MESSAGES, "true"),
}
CONDITIONS = {
    "agent": "m.agent_id = :agent",
    "before": "m.id < :before",
    "ids": "m.id = ANY (:ids)",
    "channel_type": "m.channel_type = :channel_type",
    "customer_ids": "m.workspace_id = :workspace AND m.channel_type = ANY (:types) AND m.customer_id = ANY (:customer_ids)",
    **like.conditions("error", "m.error"),
    **like.conditions("content", "m.content"),
    "since": "m.created_at >= :since AND m.id >= :since_id",
    "until": "m.created_at < :until AND m.id < :until_id",
}


@dataclass(frozen=True)
class Filters:
    """Which messages; what is None restricts nothing. `error`, `content`: a part of it, in any case. From `since` on and before
    `until`. `customer_id`: in any of its forms."""

    status: str | None = None
    channel_type: str | None = None
    customer_id: str | None = None
    error: str | None = None
    content: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: Sequence[str] | None = None

    def values(self) -> dict[str, Any]:
        """The parameters of its conditions."""
        named = self.customer_id
        forms = named and [named, *(channel.customer(named) for channel in CHANNELS.values())]
        given = dict(
            ids=self.ids and list(self.ids), channel_type=self.channel_type,
            customer_ids=forms, types=forms and list(CHANNELS), since=self.since, until=self.until,
            since_id=self.since and earliest_id("msg", self.since.timestamp() - ID_LAG_SECONDS),
            until_id=self.until and earliest_id("msg", self.until.timestamp() + ID_LAG_SECONDS),
        )  # fmt: skip
        parts = like.containing("error", self.error) | like.containing("content", self.content)
        return parts | {name: value for name, value in given.items() if value is not None}


def find(session: Session, workspace_id: str, message_id: str) -> Row[Any] | None:
    """One message of this workspace: its columns, next_attempt_at, attempts."""
    return next(iter(execute(session, ONE, id=message_id, workspace=workspace_id, alone=True)), None)


def listed(
    session: Session, workspace_id: str, agent_id: str, filters: Filters, before: str | None, limit: int, max_bytes: int
) -> Sequence[Any]:
    """The agent's messages that match, newest first, from the one before `before` on: `limit`, or as many as reach
    `max_bytes`."""
    values: dict[str, Any] = dict(agent=agent_id, **filters.values()) | (dict(before=before) if before else {})
    rest: dict[str, Any] = dict(job=JOB, workspace=workspace_id, limit=limit, max_bytes=max_bytes)
    kind = filters.status or (filters.error and "error") or None
    if filters == Filters():
        return execute(session, _prepared_list(tuple(values)), alone=True, **values, **rest)
    return session.execute(_list(kind, tuple(values)), values | rest).all()


def where(names: Sequence[str]) -> str:
    """The condition on messages `m` that these parameters belong to."""
    return " AND ".join(CONDITIONS[name] for name in names if name in CONDITIONS)


@cache
def _list(kind: str | None, names: tuple[str, ...]) -> Any:
    source, condition = SOURCES[kind]
    return text(SHOWN.format(found=PAGE.format(source=source, rows=f"{condition} AND {where(names)}")))


@cache
def _prepared_list(names: tuple[str, ...]) -> str:
    """The same for `execute`, without filters: there are too many of them to keep each prepared."""
    return str(_list(None, names).compile(dialect=psycopg2.dialect()))


# Not to be looked for among its workspace's, which a plan that was made for an empty table may prefer.
ONE = SHOWN.format(found="SELECT id FROM messages WHERE id = %(id)s AND coalesce(workspace_id, '') = %(workspace)s")
