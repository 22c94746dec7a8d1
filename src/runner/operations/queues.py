"""Whole queues, paused and resumed."""

from sqlalchemy.orm import Session

from nightshift.db.models import Pause
from nightshift.outbox import pauses
from runner.registry import jobs_of


def pause(session: Session, queue: str, reason: str) -> tuple[Pause, bool]:
    """Pause all jobs of a queue in every workspace: (the pause, whether it is new). An existing one gets the new reason."""
    return pauses.pause(session, jobs_of(queue), reason, queue=queue)


def resume(session: Session, queue: str) -> bool:
    """Resume a queue: what was held is due now. False where the queue is not paused."""
    held = next((paused for paused in pauses.listed(session, None) if paused.queue == queue), None)
    return held is not None and pauses.resume(session, held.id, None)
