"""rq-scheduler gives the tick: its entry in Redis says when to look, the table of slots says what is owed.

An entry in Redis is a template that never runs itself. Where it is lost, changed or due too late, it is due at once: looking
too often costs nothing.
"""

from typing import Any

from rq_scheduler import Scheduler

from jobs.connection import redis
from jobs.rq_job import SafeJob
from jobs.schedule import SCHEDULE, Entry, owe_slots
from nightshift import clock
from nightshift.db.session import transaction
from nightshift.logs import log

AT_ONCE = 0


def tick() -> None:
    """Owe what time has started since the last tick. Killed anywhere in between, the next tick does the rest."""
    cron = Cron(connection=redis(), job_class=SafeJob)
    cron.register()
    cron.enqueue_jobs()


class Cron(Scheduler):
    """One look, when `jobs.clockwork` says so: rq-scheduler's own loop ends with the first error of Redis."""

    def register(self) -> None:
        """Have every entry of the schedule in Redis as it is declared, due by its next slot, and no other entry."""
        self._clear()
        known = {job.id: job.meta.get("cron_string") for job in self.get_jobs()}
        for entry in SCHEDULE.values():
            due = self.connection.zscore(self.scheduled_jobs_key, entry.name) or AT_ONCE
            if known.get(entry.name) != entry.cron or due > entry.next(clock.now()).timestamp():
                self._put(entry)

    def _clear(self) -> None:
        """Take away what is no entry of ours: rq-scheduler would run it, or stumble over it."""
        kinds = {self.scheduled_jobs_key: b"zset"} | {f"rq:job:{name}": b"hash" for name in SCHEDULE}
        for key, kind in kinds.items():
            if self.connection.type(key) not in (kind, b"none"):
                self.connection.delete(key)
        strange = set(self.connection.zrange(self.scheduled_jobs_key, 0, -1)) - {name.encode() for name in SCHEDULE}
        if strange:
            self.connection.zrem(self.scheduled_jobs_key, *strange)

    def _put(self, entry: Entry) -> None:
        spec = entry.spec
        template = self._create_job(
            spec.function, id=entry.name, queue_name=spec.queue_name, description=spec.name, result_ttl=-1,
            meta={"cron_string": entry.cron},
        )  # fmt: skip
        self.connection.zadd(self.scheduled_jobs_key, {template.id: AT_ONCE})

    def get_jobs_to_queue(self, with_times: bool = False) -> Any:
        """The templates that are due by our clock."""
        return self.get_jobs(clock.now().timestamp(), with_times=with_times)

    def enqueue_job(self, job: Any) -> None:
        """In place of running the template: write its slots, then say when to look again."""
        entry, now = SCHEDULE[job.id], clock.now()
        with transaction() as session:
            slots = owe_slots(session, entry, now)
        for slot in slots:
            log("slot", entry=entry.name, at=slot.isoformat())
        self.connection.zadd(self.scheduled_jobs_key, {entry.name: entry.next(now).timestamp()}, xx=True)
