"""The schedule as an operator sees it: each entry's next slot, its last ones, and what became of them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from nightshift import clock
from nightshift.db.models import Outbox
from runner import cron
from runner.registry import NO_WORKSPACE, Entry

LAST = 7  # slots that are shown of an entry
DATED = timedelta(seconds=1)
SLOTS = text("SELECT at FROM slots WHERE entry = :entry ORDER BY at DESC LIMIT :limit")
ROWS = text(
    "SELECT row_id AS id, state, runs, error, updated_at FROM outbox WHERE job = :job AND row_id = ANY (:row_ids)"
)


@dataclass(frozen=True)
class Slot:
    """A time at which an entry was due, and the row that it enqueued. `state`: of that row; None where there is none any more."""

    at: datetime
    id: str
    state: str | None = None
    runs: int = 0
    error: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Scheduled:
    """An entry with its next slot and the last ones, newest first. `newest`: when it was due last, enqueued or not."""

    name: str
    cron: str
    job: str
    queue: str
    next: datetime
    newest: datetime | None
    last: list[Slot]


def entries(session: Session) -> list[Scheduled]:
    """The schedule of this installation."""
    moment = cron.now(session)
    return [
        Scheduled(e.name, e.cron, e.job.name, e.job.queue.name, e.next(moment), e.last(moment), _last(session, e))
        for e in cron.entries()
    ]


def run(session: Session, name: str, slot: str) -> Slot:
    """Enqueue what this slot enqueues, again too: the slot with its row. It is dispatched when the session commits.

    `slot`: its time, or the day or the month that it enqueues. Raises LookupError for an entry that this installation does not
    have and for what is neither; ValueError for a time that is none of its slots or whose work cannot be done yet;
    RuntimeError while it is running.
    """
    entry = next((entry for entry in cron.entries() if entry.name == name), None)
    if entry is None:
        raise LookupError(f"There is no entry {name}. Entries: {', '.join(entry.name for entry in cron.entries())}.")
    moment = cron.now(session)
    at = _named(entry, slot, moment)
    row_id = entry.argument(at)
    entry.job.check(row_id)
    row = session.get(Outbox, (entry.job.name, row_id), with_for_update=True)
    if row is not None and row.state == "running":
        raise RuntimeError(f"{entry.job.name} {row_id} is running.")
    cron.open_slots(session, entry, moment)  # those that have come stay due, whichever is written by hand
    cron.write(session, entry, at)
    entry.job.enqueue(session, row_id, NO_WORKSPACE)
    return _slots(session, entry, [at])[0]


def _named(entry: Entry, slot: str, moment: datetime) -> datetime:
    """The time of a slot that is named by it, or by the row id of one of the newest slots."""
    slots = {entry.argument(at): at for at in entry.slots(datetime.min.replace(tzinfo=UTC), moment)}
    if slot in slots:
        return slots[slot]
    try:
        at = clock.parse(slot)
    except ValueError:
        raise LookupError(f"{entry.name} has no slot {slot[:40]}.") from None
    if not is_slot(entry, at):
        like = "".join(f", like {newest:%Y-%m-%dT%H:%M:%SZ} or {row_id}" for row_id, newest in list(slots.items())[-1:])
        raise ValueError(f"must be a time at which {entry.name} is due ({entry.cron}, UTC){like}")
    return at


def is_slot(entry: Entry, moment: datetime) -> bool:
    """Whether the entry is due at this very time."""
    return 2000 < moment.year < 2100 and entry.next(moment - DATED) == moment


def _last(session: Session, entry: Entry) -> list[Slot]:
    times = session.scalars(SLOTS, {"entry": entry.name, "limit": LAST})
    return _slots(session, entry, [at for at in times if is_slot(entry, at)])


def _slots(session: Session, entry: Entry, times: list[datetime]) -> list[Slot]:
    arguments = {at: entry.argument(at) for at in times}
    found = session.execute(ROWS, {"job": entry.job.name, "row_ids": list(arguments.values())}).all()
    rows: dict[str, Any] = {row.id: row._asdict() for row in found}
    return [Slot(at=at, **rows.get(row_id, {"id": row_id})) for at, row_id in arguments.items()]
