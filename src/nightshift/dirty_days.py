"""Days (UTC) whose rows came or changed after the day was over: each is marked, and the next roll-up counts it again.

A mark is a row of its own, so that writers wait for nobody; the roll-up deletes those marks whose rows it saw.
"""

from datetime import UTC, date, datetime, time

from sqlalchemy import insert
from sqlalchemy.orm import Session

from nightshift import clock
from nightshift.db.models import DirtyDay


def today() -> date:
    """The day it is, in UTC."""
    return clock.now().astimezone(UTC).date()


def start_of(day: date) -> datetime:
    """The moment a day begins."""
    return datetime.combine(day, time(), UTC)


def mark(session: Session, moment: datetime) -> None:
    """Have the day of `moment` counted again if it is over, in the transaction that writes what is to be counted."""
    day = moment.astimezone(UTC).date()
    if day < today():
        session.execute(insert(DirtyDay).values(day=day))
