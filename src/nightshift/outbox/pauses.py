"""Pauses: rows that are not dispatched until someone resumes them. They keep their order and their attempts.

No run of such a row begins, in a worker or in a request; a run under way goes on to its end. The time for which a row is
paused does not count toward the hour in which it may be retried.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from nightshift.db.models import Pause
from nightshift.ids import new_id
from nightshift.outbox.statements import UNFINISHED, paused, pauses_of

PAUSE = text("""
    INSERT INTO pauses (id, workspace_id, queue, channel_type, jobs, lanes, reason)
    VALUES (:id, :workspace_id, :queue, :channel_type, :jobs, :lanes, :reason)
    ON CONFLICT ON CONSTRAINT pauses_key DO UPDATE SET reason = excluded.reason
    RETURNING id, xmax = 0 AS is_new
""")
# What waits in Redis finds that its row is not dispatched any more.
TAKE_BACK = text(f"UPDATE outbox SET state = 'pending' WHERE state = 'dispatched' AND {paused('outbox')}")  # noqa: S608
# Of two pauses at the same time, each moment counts once: the one that ends first leaves the rest to the other.
LENGTHEN = text(f"""
    UPDATE outbox SET give_up_at = give_up_at + greatest(interval '0', least(clock_timestamp(), (
        SELECT min(since) {pauses_of("outbox")}
    )) - CAST(:since AS timestamptz))
    WHERE job = ANY (:jobs) AND {UNFINISHED} AND give_up_at IS NOT NULL
          AND (CAST(:workspace AS text) IS NULL OR workspace_id = :workspace AND starts_with(lane, :lanes))
""")  # noqa: S608 constants


def pause(
    session: Session, jobs: Sequence[str], reason: str, *, workspace_id: str | None = None, lanes: str | None = None,
    queue: str | None = None, channel_type: str | None = None,
) -> tuple[Pause, bool]:  # fmt: skip
    """Pause these jobs' rows, in all workspaces, or in one those of lanes whose name begins with `lanes`; and whether that
    is new. `queue` and `channel_type` say what it is for people."""
    values = dict(id=new_id("pau"), workspace_id=workspace_id, queue=queue, channel_type=channel_type, lanes=lanes)
    row = session.execute(PAUSE, values | dict(jobs=list(jobs), reason=reason)).one()
    session.execute(TAKE_BACK)
    return session.get_one(Pause, row.id, populate_existing=True), row.is_new


def listed(session: Session, workspace_id: str | None) -> Sequence[Pause]:
    """A workspace's pauses; without one, those of whole queues."""
    return session.scalars(select(Pause).where(_of(workspace_id)).order_by(Pause.since)).all()


def holding(session: Session, job: str, workspace_id: str, lanes: str) -> Pause | None:
    """The first of the pauses that hold the rows of these lanes."""
    here = _of(workspace_id) & (Pause.lanes == lanes)
    mine = select(Pause).where(Pause.jobs.contains([job]), _of(None) | here).order_by(Pause.since)
    return session.scalars(mine.limit(1)).one_or_none()


def resume(session: Session, pause_id: str, workspace_id: str | None) -> bool:
    """End a pause; what it held is due. False where there is none."""
    mine = select(Pause).where(Pause.id == pause_id, _of(workspace_id))
    found = session.scalars(mine.with_for_update()).one_or_none()
    if found is None:
        return False
    session.delete(found)
    session.flush()
    values = dict(jobs=found.jobs, workspace=found.workspace_id, lanes=found.lanes, since=found.since)
    session.execute(LENGTHEN, values)
    return True


def _of(workspace_id: str | None) -> Any:
    return Pause.workspace_id.is_not_distinct_from(workspace_id)
