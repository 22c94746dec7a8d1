"""Cron: rq-scheduler holds the entries, for its tools to show; the table of slots says which are enqueued.

Every slot after an entry's newest row is enqueued once, however long nobody looked, whatever Redis remembers.
"""

from datetime import datetime
from typing import Any

from rq.serializers import JSONSerializer
from rq_scheduler import Scheduler
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from nightshift import outbox
from nightshift.db.models import Slot
from nightshift.db.session import transaction
from nightshift.logs import log
from runner import reporting
from runner.connection import redis
from runner.registry import NO_WORKSPACE, SCHEDULE, Entry


def tick() -> None:
    """Enqueue the slots that have come, and have the entries in Redis as they are declared."""
    for entry in entries():
        with reporting.contained("entry failed", job=entry.job.name, entry=entry.name), transaction() as session:
            for slot in open_slots(session, entry, now(session)):
                log("slot", entry=entry.name, at=slot.isoformat())
    register()


def entries() -> list[Entry]:
    """The schedule of this installation."""
    return [entry for entry in SCHEDULE.values() if entry.when()]


def now(session: Session) -> datetime:
    """Postgres' clock: that of a machine may be ahead."""
    moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return moment


def open_slots(session: Session, entry: Entry, moment: datetime) -> list[datetime]:
    """Write the slots that have come since the last one that was written, each with its outbox row; returns them.

    An entry that was never seen counts from now on. A slot in the future, of a clock that was ahead, is not believed: it is
    enqueued again when its time comes.
    """
    session.execute(delete(Slot).where(Slot.entry == entry.name, Slot.at > moment))
    last = session.scalar(select(func.max(Slot.at)).where(Slot.entry == entry.name))
    if last is None:
        _write(session, entry, moment)
        return []
    new = [slot for slot in entry.slots(last, moment) if _write(session, entry, slot)]
    for slot in new:
        outbox.enqueue(session, entry.job.name, entry.argument(slot), NO_WORKSPACE)
    return new


def _write(session: Session, entry: Entry, at: datetime) -> bool:
    """False where another scheduler has written it; waits for one that is about to."""
    row = insert(Slot).values(entry=entry.name, at=at).on_conflict_do_nothing().returning(Slot.at)
    return session.scalar(row) is not None


def register() -> None:
    """Every entry of the schedule is in Redis as it is declared, due at its next slot, and no other entry is."""
    connection = redis()
    scheduler = Scheduler(connection=connection)
    key = scheduler.scheduled_jobs_key
    with transaction() as session:
        moment = now(session)
    due = {entry.name: entry.next(moment).timestamp() for entry in entries()}
    is_other_kind = connection.type(key) not in (b"zset", b"none")
    if is_other_kind or set(connection.zrange(key, 0, -1)) - {name.encode() for name in due}:
        connection.delete(key)
    for entry in entries():
        _register(scheduler, connection, entry)
    connection.zadd(key, due)


def _register(scheduler: Scheduler, connection: Any, entry: Entry) -> None:
    """The entry's hash. It never runs as a job: a worker runs what the outbox says."""
    key, meta = f"rq:job:{entry.name}", {"cron_string": entry.cron}
    if connection.type(key) == b"hash" and connection.hget(key, "meta") == JSONSerializer.dumps(meta):
        return
    connection.delete(key)
    scheduler._create_job(
        entry.job.path, id=entry.name, queue_name=entry.job.queue.name, description=entry.job.name, result_ttl=-1,
        meta=meta,
    )  # fmt: skip
