"""Owing work, and owing it no longer."""

from datetime import datetime

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from nightshift import clock
from nightshift.db.models import Work

# A job that was rung for it and that nobody has begun stays the one: asking often must not fill Redis. A row whose lane
# has others in it is due at infinity: whoever ends the one before it makes it due (the trigger work_next_in_lane).
ORDER = text("""
    INSERT INTO work AS w (job, row_id, workspace_id, state, due_at, generation, runs, failures, deaths, waited_seconds,
                           updated_at, lane, lane_seq)
    SELECT :job, :row_id, :workspace, 'pending',
           CASE WHEN EXISTS (SELECT 1 FROM work WHERE job = :job AND workspace_id = :workspace AND lane = :lane
                                    AND state = 'pending' AND row_id <> :row_id)
                THEN 'infinity' ELSE CAST(:due_at AS timestamptz) END,
           0, 0, 0, 0, 0, :now, :lane, CASE WHEN CAST(:lane AS text) IS NOT NULL THEN nextval('work_lane_seq') END
    ON CONFLICT (job, row_id) DO UPDATE SET
        (generation, rung_at) = (
            SELECT CASE WHEN waits THEN w.generation ELSE w.generation + 1 END, CASE WHEN waits THEN w.rung_at END
            FROM (SELECT w.state = 'pending' AND w.lease_owner IS NULL AND w.rung_at IS NOT NULL AND w.due_at <= :now)
                 AS job_of (waits)),
        state = 'pending', due_at = EXCLUDED.due_at, lease_owner = NULL, lease_until = NULL, runs = 0, failures = 0,
        deaths = 0, waited_seconds = 0, error = NULL, updated_at = :now, lane = EXCLUDED.lane,
        lane_seq = EXCLUDED.lane_seq, give_up_at = NULL
""")
JOIN_LANE = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('lane ' || :job || ' ' || :workspace || ' ' || :lane, 0))"
)


def order(
    session: Session,
    job: str,
    row_id: str,
    workspace_id: str,
    *,
    lane: str | None = None,
    due_at: datetime | None = None,
) -> None:
    """Owe this work from `due_at` (None: now) on, with all its attempts. A run that is under way loses its lease and
    leaves no trace. In a `lane` it comes after all that is owed there."""
    now = clock.now()
    values = dict(job=job, row_id=row_id, workspace=workspace_id, lane=lane, now=now, due_at=due_at or now)
    if lane is not None:
        session.execute(JOIN_LANE, values)
    session.execute(ORDER, values)


def drop(session: Session, job: str, row_id: str) -> None:
    """Owe it no longer. A run that is under way loses its lease."""
    session.execute(delete(Work).where(Work.job == job, Work.row_id == row_id))
