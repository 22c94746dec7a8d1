"""What goes wrong in production, on purpose: for developers, who watch that nothing is lost by it."""

import os
import signal
import socket
from contextlib import suppress

from sqlalchemy import text
from sqlalchemy.orm import Session

from runner.connection import redis
from runner.registry import QUEUES

AT_WORK = text("SELECT lease_owner FROM outbox WHERE state = 'running' AND lease_owner IS NOT NULL")


def kill_worker(session: Session) -> str | None:
    """Kill a worker of this machine in the middle of its job, or, where none has one, an idle one: its name, or None.

    Its supervisor starts another one, and the row of its job is dispatched again.
    """
    at_work = set(session.scalars(AT_WORK))
    for name, pid in sorted(_workers_here().items(), key=lambda worker: worker[0] not in at_work):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
            return name
    return None


def wipe_redis() -> None:
    """Delete everything in our database of Redis: every job, every worker's registration. The outbox has all that is not done."""
    redis().flushdb()


def _workers_here() -> dict[str, int]:
    """The process id of each live worker, by name."""
    found = {}
    for key in {key for queue in QUEUES for key in redis().smembers(f"rq:workers:{queue}")}:
        host, pid = redis().hmget(key, "hostname", "pid")
        if host == socket.gethostname().encode() and pid and pid.isdigit() and int(pid) > 1:  # anything may be there
            found[key.decode().removeprefix("rq:worker:")] = int(pid)
    return found
