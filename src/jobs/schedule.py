"""What time starts, as data, and what of it is owed. All of it in UTC, whatever the machine's zone.

The table of slots decides: whatever Redis remembers, each slot after an entry's newest row is owed, once.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crontab import CronTab
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs import analytics_rollup, billing
from jobs.spec import JobSpec
from jobs.timed import NO_WORKSPACE
from nightshift import work
from nightshift.db.models import Slot


@dataclass(frozen=True)
class Entry:
    """One line of the schedule. `catch_up`: of more missed slots than this, the newest. `row_id`: of the work that a slot
    owes, which is its job's argument."""

    name: str
    cron: str
    spec: JobSpec
    catch_up: int
    row_id: Callable[[datetime], str]

    def next(self, moment: datetime) -> datetime:
        """The first slot after `moment`."""
        found = CronTab(self.cron).next(now=moment.astimezone(UTC), return_datetime=True)
        assert isinstance(found, datetime)
        return found

    def slots(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Those after `after`, up to and with `until`."""
        slot = self.next(after)
        while slot <= until:
            yield slot
            slot = self.next(slot)


def _day_before(slot: datetime) -> str:
    return f"{slot - timedelta(days=1):%Y-%m-%d}"


def _month(slot: datetime) -> str:
    return f"{slot:%Y-%m}"


SCHEDULE = {
    entry.name: entry
    for entry in (
        Entry("daily-rollup", "0 2 * * *", analytics_rollup.JOB, 40, _day_before),  # 40 days
        Entry("monthly-credit-grant", "5 0 1 * *", billing.JOB, 3, _month),  # 3 months
    )
}


def owe_slots(session: Session, entry: Entry, now: datetime) -> list[datetime]:
    """Write down the slots that have come since the last one written, each with the work it owes; returns them.

    An entry that was never seen counts from now on.
    """
    last = session.scalar(select(func.max(Slot.at)).where(Slot.entry == entry.name))
    if last is None:
        _write(session, entry, now)
        return []
    due = deque(entry.slots(last, now), maxlen=entry.catch_up)
    new = [slot for slot in due if _write(session, entry, slot)]
    for slot in new:
        work.order(session, entry.spec.name, entry.row_id(slot), NO_WORKSPACE)
    return new


def _write(session: Session, entry: Entry, at: datetime) -> bool:
    """False where another scheduler has written it; waits for one that is about to."""
    row = insert(Slot).values(entry=entry.name, at=at).on_conflict_do_nothing().returning(Slot.at)
    return session.scalar(row) is not None
