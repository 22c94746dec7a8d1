"""Days (UTC) whose rows came or changed after the day was over: each is marked, and the next roll-up counts it again.

A mark is a row of its own, so that writers wait for nobody; the roll-up deletes those marks whose rows it saw.
"""

from datetime import UTC, datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from nightshift import clock
from nightshift.db.models import DirtyDay


def mark(session: Session, moment: datetime) -> None:
    """Have the day of `moment` counted again if it is over, in the transaction that writes what is to be counted."""
    day = moment.astimezone(UTC).date()
    if day < clock.today():
        session.execute(insert(DirtyDay).values(day=day))
