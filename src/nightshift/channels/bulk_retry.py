"""Retries of all FAILED messages that match: first what it would do, then exactly that set."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from nightshift.channels.accounts import JOB
from nightshift.channels.message_list import Filters, listed, where
from nightshift.outbox import retries

SAMPLE = 20
# An attempt of it whose answer was lost, and which no report has settled since.
DOUBTFUL = "EXISTS (SELECT FROM message_attempts a WHERE a.message_id = {id} AND a.outcome = 'unknown')"
MATCHED = f"""
    WITH matched AS (
        SELECT m.id, m.channel_type, m.customer_id, o.lane_seq, {DOUBTFUL.format(id="m.id")} AS doubtful
        FROM outbox o JOIN messages m ON m.id = o.row_id
        WHERE o.job = :job AND o.workspace_id = :workspace AND o.state = 'failed' AND {retries.NOT_SCHEDULED}
              AND m.status = 'FAILED' AND {{where}}
    )
    SELECT statement_timestamp() AS as_of, count(*) AS matched, count(*) FILTER (WHERE doubtful) AS may_arrive_twice,
           count(DISTINCT (channel_type, customer_id)) AS customers,
           ARRAY(SELECT id FROM matched ORDER BY doubtful DESC, lane_seq LIMIT {SAMPLE}) AS ids
    FROM matched
"""  # noqa: S608 constants
WHICH = """
    o.job = :job AND o.workspace_id = :workspace AND (CAST(:as_of AS timestamptz) IS NULL OR o.updated_at <= :as_of)
    AND EXISTS (SELECT FROM messages m WHERE m.id = o.row_id AND m.status = 'FAILED' AND {where})
"""


@dataclass(frozen=True)
class Preview:
    """What a bulk retry would do: how many messages, to how many customers; of how many an earlier attempt may have arrived;
    how long it takes until the last one is enqueued; some of them, the doubtful ones first; and when that was so."""

    as_of: datetime
    matched: int
    may_arrive_twice: int
    customers: int
    seconds: int
    sample: Sequence[Row[Any]]


def preview(session: Session, workspace_id: str, agent_id: str, filters: Filters) -> Preview:
    """What `retry_all` would do now."""
    values = _values(workspace_id, agent_id, filters)
    row = session.execute(text(MATCHED.format(where=where(tuple(values)))), values).one()
    sample = listed(session, workspace_id, agent_id, Filters(ids=row.ids), None, SAMPLE, 1 << 20) if row.ids else ()
    ranks = {message_id: rank for rank, message_id in enumerate(row.ids)}
    in_order = sorted(sample, key=lambda shown: ranks[shown.id])
    return Preview(row.as_of, row.matched, row.may_arrive_twice, row.customers, retries.seconds(row.matched), in_order)


def retry_all(
    session: Session, workspace_id: str, agent_id: str, filters: Filters, as_of: datetime | None = None
) -> int:
    """Have every FAILED message that matches retried, 30 a second, in the order of each customer's lane: how many.

    Those that are to be retried already are not counted. `as_of`, of a preview: none that failed later.
    """
    values = _values(workspace_id, agent_id, filters) | {"as_of": as_of}
    return retries.schedule(session, WHICH.format(where=where(tuple(values))), **values)


def _values(workspace_id: str, agent_id: str, filters: Filters) -> dict[str, Any]:
    return dict(job=JOB, workspace=workspace_id, agent=agent_id, **filters.values())
