"""The way of one message: what has happened, from its request to the customer's phone, and what it waits for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from nightshift.channels import CHANNELS
from nightshift.channels.accounts import JOB, lanes_of
from nightshift.channels.split import split
from nightshift.db.models import Delivery
from nightshift.outbox import pauses
from nightshift.outbox.statements import UNFINISHED

WAITS = text(f"""
    SELECT CASE WHEN o.{UNFINISHED} THEN o.give_up_at END AS give_up_at,
           CASE WHEN c.held_until > clock_timestamp() THEN c.held_until END AS held_until,
           (SELECT head.row_id FROM outbox head
            WHERE head.job = o.job AND head.workspace_id = o.workspace_id AND head.lane = o.lane AND head.{UNFINISHED}
                  AND head.lane_seq < o.lane_seq ORDER BY head.lane_seq LIMIT 1) AS behind
    FROM outbox o LEFT JOIN channels c ON c.workspace_id = o.workspace_id AND c.type = :channel
    WHERE o.job = :job AND o.row_id = :id
""")  # noqa: S608 constants


@dataclass(frozen=True)
class Step:
    """An attempt, which ended `sent`, `failed` or `unknown`; or what the vendor reported of a part: `delivered`, `read`,
    `failed`. `said`: the error's sentence."""

    at: datetime
    is_report: bool
    state: str
    said: str | None
    http_status: int | None = None
    part: int | None = None


@dataclass(frozen=True)
class Waits:
    """What stands between a message and its next attempt: a pause and its reason, a vendor that asked to be left alone, the id
    of an earlier message to the same customer. No attempt begins after `give_up_at`."""

    paused_since: datetime | None
    pause_reason: str | None
    held_until: datetime | None
    behind: str | None
    give_up_at: datetime | None


def steps(session: Session, row: Row[Any]) -> list[Step]:
    """What has happened to a message of `message_list.find`, after it was accepted, in order."""
    attempts = {
        a["generation"]: Step(datetime.fromisoformat(a["at"]), False, a["outcome"], a["error"], a["http_status"])
        for a in row.attempts
    }
    dated = [(step.at, step) for step in attempts.values()]
    told = select(Delivery).where(Delivery.message_id == row.id, Delivery.state != "accepted")
    for d in session.scalars(told.order_by(Delivery.part)):
        attempt = attempts.get(d.generation or 0)  # which came before, even where the vendor's clock counts in seconds
        dated.append((max(d.at, attempt.at) if attempt else d.at, Step(d.at, True, d.state, d.error, part=d.part)))
    return [step for _, step in sorted(dated, key=lambda pair: pair[0])]


def parts(message: Row[Any]) -> int:
    """In how many parts it goes out."""
    return len(split(message.content, CHANNELS[message.channel_type].limit))


def waits(session: Session, message: Row[Any]) -> Waits | None:
    """What an open message waits for; None where it is not there any more."""
    values = dict(job=JOB, id=message.id, channel=message.channel_type)
    found = session.execute(WAITS, values).one_or_none()
    if found is None:
        return None
    pause = pauses.holding(session, JOB, message.workspace_id, lanes_of(message.channel_type))
    since, reason = (pause.since, pause.reason) if pause else (None, None)
    return Waits(since, reason, found.held_until, found.behind, found.give_up_at)
