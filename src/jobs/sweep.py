"""The sweep: every 15 s, whatever is owed and has no live job is rung again, however Redis lost it."""

import math
from typing import Any

from sqlalchemy import text

from jobs.connection import redis
from jobs.queues import QUEUES
from jobs.recover import release
from jobs.ring import HORIZON, ring_all
from jobs.spec import job_id, parse_job_id
from nightshift import clock, events
from nightshift.db.session import transaction

LATE_SECONDS = 5  # a delayed job this late is not coming: nobody moves it into its queue

RUNG = text("""
    SELECT job, row_id, generation, due_at FROM work
    WHERE state = 'pending' AND rung_at IS NOT NULL AND lease_owner IS NULL AND due_at <= :horizon
""")
# Still as it was seen, and still nobody's: a worker that popped the job meanwhile has claimed the row.
LOST = text("""
    UPDATE work SET rung_at = NULL
    WHERE job = :job AND row_id = :row_id AND generation = :generation AND state = 'pending' AND lease_owner IS NULL
""")


def sweep() -> int:
    """Give back what dead workers held, ring again what Redis lost, ring what is due. Returns how many jobs were rung.

    Costs one look at Redis and one at the rows that are due; finished rows cost nothing.
    """
    release()
    connection = redis()
    now = clock.now()
    with transaction() as session:
        rung = session.execute(RUNG, {"horizon": now + HORIZON}).all()
        times = _times(connection)
        for row in rung:
            name = job_id(row.job, row.row_id, row.generation)
            late = row.due_at <= now and times.get(name, 0) < now.timestamp() - LATE_SECONDS
            if late or name not in times:
                seen = dict(job=row.job, row_id=row.row_id, generation=row.generation)
                if session.execute(LOST, seen).rowcount:  # type: ignore[attr-defined]
                    connection.delete(f"rq:job:{name}")
        events.prune(session)
    _tidy(connection)
    return ring_all()


def _times(connection: Any) -> dict[str, float]:
    """The jobs that wait in Redis and when each is due, in seconds of the epoch: those in a queue, at no time at all."""
    times: dict[str, float] = {}
    for queue in QUEUES:
        for name, due in connection.zrange(f"rq:scheduled:{queue}", 0, -1, withscores=True):
            if parse_job_id(_text(name)) is None:
                connection.zrem(f"rq:scheduled:{queue}", name)  # who moves the others would stumble over it
            times[_text(name)] = due
        times.update((_text(name), math.inf) for name in connection.lrange(f"rq:queue:{queue}", 0, -1))
    return times


def _text(name: bytes) -> str:
    """A name out of Redis, where anything may stand."""
    return name.decode("utf-8", "replace")


def _tidy(connection: Any) -> None:
    """Drop what dead workers and Redis' own absences left behind: entries of jobs that nobody runs."""
    with transaction() as session:
        leased = session.execute(text("SELECT job, row_id, generation FROM work WHERE lease_owner IS NOT NULL")).all()
    running = {job_id(row.job, row.row_id, row.generation) for row in leased}
    for queue, spec in QUEUES.items():
        expires_at = clock.now().timestamp() + spec.time_limit_seconds + 60  # of an entry made now (SimpleWorker)
        for entry in connection.zrangebyscore(f"rq:wip:{queue}", 0, expires_at - LATE_SECONDS):
            name = _text(entry).partition(":")[0]
            if name not in running:
                connection.zrem(f"rq:wip:{queue}", entry)
                connection.delete(f"rq:job:{name}", f"rq:execution:{_text(entry)}", f"rq:executions:{name}")
        for popped in connection.lrange(f"rq:queue:{queue}:intermediate", 0, -1):
            if not connection.exists(f"rq:job:{_text(popped)}"):
                connection.lrem(f"rq:queue:{queue}:intermediate", 0, popped)
